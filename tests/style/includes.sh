#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# includes.sh SOURCE-FOLDER: includes go one way. Each folder knows those that are named behind it, itself, and their
# folders for single architectures; what it includes from another one is named from the root.
set -euo pipefail
export LC_ALL=C

root=$1
failures=0
checks=0

declare -A knows=(
    [include/slicepatch]=""
    [arch]="include/slicepatch"
    [patcher/library/base]="include/slicepatch arch"
    [patcher/library/sites]="include/slicepatch arch patcher/library/base"
    [patcher/library/guarantee]="include/slicepatch arch patcher/library/base"
    [patcher/library/text]="include/slicepatch arch patcher/library/base patcher/library/sites"
    [patcher/library/outcomes]="include/slicepatch arch patcher/library/base patcher/library/sites"
    [patcher/library]="include/slicepatch arch patcher/library/base patcher/library/sites patcher/library/guarantee
        patcher/library/text patcher/library/outcomes"
    [patcher/sim]="include/slicepatch"
    [patcher/tool]="include/slicepatch arch patcher/library/base patcher/library/sites patcher/library/guarantee
        patcher/library/text patcher/library/outcomes patcher/library patcher/sim"
    [patcher/bench]="include/slicepatch arch patcher/library/base patcher/library/sites patcher/library/guarantee
        patcher/library/text patcher/library/outcomes patcher/library patcher/sim patcher/tool examples/wordcount"
)

# The folder of the table that a file belongs to: the longest that it is in.
folder_of() {
    local folder=$1
    while folder=$(dirname "$folder") && [ "$folder" != . ]; do
        [ -z "${knows[$folder]+known}" ] || break
    done
    echo "$folder"
}

# check FILE INCLUDED
check() {
    local file=$1 name=$2 from found to
    from=$(folder_of "$file")
    checks=$((checks + 1))
    found=$name
    for near in "$(dirname "$file")" "$from" "$from/x86_64"; do
        if [ -f "$root/$near/$name" ]; then
            found=$near/$name
            break
        fi
    done
    if [ ! -f "$root/$found" ]; then
        found=include/$name
    fi
    if [ ! -f "$root/$found" ]; then
        echo "FAILED: $file includes $name, which is no file"
        failures=$((failures + 1))
        return
    fi
    to=$(folder_of "$found")
    [ "$to" != . ] || to=$(dirname "$found")
    if [ "$to" != "$from" ] && ! grep -qw -- "$to" <<<"${knows[$from]}"; then
        echo "FAILED: $file includes $found, and $from does not know $to"
        failures=$((failures + 1))
    fi
}

while IFS=: read -r file name; do
    check "$file" "$name"
done < <(cd "$root" && grep -rE '^ *# *include *("|<slicepatch/)' include arch patcher |
    sed -E 's/^([^:]*): *# *include *["<]([^">]*)[">].*/\1:\2/')
echo "$checks includes, $failures failed"
[ "$checks" -gt 100 ] && [ "$failures" -eq 0 ]
