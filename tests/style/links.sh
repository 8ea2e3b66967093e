#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# links.sh SOURCE-FOLDER: what a Markdown file links to is there, and README is short enough for the first ten minutes.
set -euo pipefail

cd "$1"
failures=0
checks=0
while IFS= read -r file; do
    while IFS= read -r link; do
        case $link in
        http*) continue ;;
        esac
        checks=$((checks + 1))
        if [ ! -e "$(dirname "$file")/${link%%#*}" ] && [ -n "${link%%#*}" ]; then
            echo "FAILED: $file links to $link"
            failures=$((failures + 1))
        fi
    done < <(grep -o '](\([^)]*\))' "$file" | sed 's/^](//; s/)$//')
done < <(find . -name 'build*' -prune -o -name '*.md' -print)
lines=$(wc -l <README.md)
if [ "$lines" -gt 160 ]; then
    echo "FAILED: README.md has $lines lines"
    failures=$((failures + 1))
fi
echo "$checks links, $lines lines, $failures failed"
[ "$checks" -gt 20 ] && [ "$failures" -eq 0 ]
