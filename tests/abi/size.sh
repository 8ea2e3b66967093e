#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# size.sh SIZE READELF SHARED CC INCLUDE-FOLDER: what the library and a site take, printed, and kept within a budget: of
# x86-64, in the release build, with room for what compilers differ in.
set -euo pipefail
export LC_ALL=C

size=$1
readelf=$2
shared=$3
cc=$4
include=$5
library_budget=210000 # nearly all of it is AsmJit
record_budget=28
pair_budget=48
command -v "$cc" >/dev/null || {
    echo "skipped: no $cc here"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# within WHAT BYTES BUDGET
within() {
    printf '%-44s %8d bytes, of %d\n' "$1" "$2" "$3"
    if (($2 > $3)) || (($2 <= 0)); then
        echo "FAILED: $1"
        failures=$((failures + 1))
    fi
}

# All sections of a name that begins so.
section() {
    "$readelf" --section-headers --wide "$1" |
        sed -n "s/^ *\[ *[0-9]*\] *$2[^ ]* *[A-Z]* *[0-9a-f]* *[0-9a-f]* *\([0-9a-f]*\) .*/0x\1/p" | paste -sd+ | sed 's/^$/0/'
}

# A function of its own for each pair, as locks have; the same without marks is taken away.
pairs=200
program() {
    local i
    echo '#include <slicepatch/slicepatch.h>'
    for ((i = 0; i < pairs; i++)); do
        echo "int word$i; void section$i(void) { $1 word$i++; $2 }"
    done
}
program "SLICEPATCH_ENTER();" "SLICEPATCH_EXIT();" >"$work/marked.c"
program "" "" >"$work/plain.c"
for file in marked plain; do
    "$cc" -O2 -ffunction-sections "-I$include" -c "$work/$file.c" -o "$work/$file.o"
done
sites=$((2 * pairs))
text() { echo "$(($(section "$1" '[.]text')))"; }
records=$(($(section "$work/marked.o" slicepatch_sites)))

within "text of libslicepatch.so" "$("$size" --format=sysv "$shared" | awk '$1 == ".text" { print $2 }')" "$library_budget"
within "text of a pair, beside the section" $((($(text "$work/marked.o") - $(text "$work/plain.o")) / pairs)) "$pair_budget"
within "record of a site" $((records / sites)) "$record_budget"
exit "$((failures != 0))"
