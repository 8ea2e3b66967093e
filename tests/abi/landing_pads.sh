#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# landing_pads.sh CC FLAG FOLDER: with FLAG compilers write landing pads for indirect jumps, and a note that says so.
# The linker keeps the note if every object has it, so what FOLDER has in assembly must not be the one that lacks it.
set -euo pipefail
export LC_ALL=C

cc=$1
flag=$2
folder=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# promises FILE: its object says that it has landing pads.
promises() {
    "$cc" "$flag" -c "$1" -o "$work/object.o"
    readelf --notes --wide "$work/object.o" | grep -Eq 'BTI|IBT'
}

echo 'int answer(void) { return 0; }' >"$work/compiled.c"
promises "$work/compiled.c" || { echo "FAILED: what $cc compiles with $flag has no note" && exit 1; }
for source in "$folder"/*.S; do
    promises "$source" || { echo "FAILED: $source has no note with $flag" && exit 1; }
done
