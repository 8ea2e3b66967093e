#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# format.sh SOURCE-FOLDER: every C and C++ file is as clang-format leaves it. Not kernel/, whose files keep the kernel's
# own style. Of version 14 alone (Debian 12): each version formats some things in its own way.
set -euo pipefail

cd "$1"
version=$(clang-format --version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p')
if [ "$version" != 14 ]; then
    echo "skipped: clang-format 14 is not there, and ${version:-none} is not it"
    exit 77
fi
mapfile -t files < <(find include arch patcher examples tests -regex '.*\.\(c\|cpp\|h\|hpp\|inc\)' | sort)
echo "${#files[@]} files"
[ "${#files[@]}" -gt 300 ]
clang-format --dry-run -Werror "${files[@]}"
