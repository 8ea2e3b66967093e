#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# symmetry.sh SOURCE-FOLDER: who knows one architecture finds the way in the other. The same files, the same public
# macros, functions and members in the same order, the same golden cases.
set -euo pipefail
export LC_ALL=C

root=$1
one=x86_64
other=aarch64
failures=0
checks=0

# same WHAT ONE OTHER: two lists, one item a line, neither of them empty.
same() {
    checks=$((checks + 1))
    if [ -z "$2" ] || [ "$2" != "$3" ]; then
        echo "FAILED: $1 (< $one, > $other)"
        diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") || true
        failures=$((failures + 1))
    fi
}

# Each command reads a file and prints names; twins are compared by what it prints of them.
macros() { sed -n 's/^ *#define \(SLICEPATCH_[A-Z_0-9]*\).*/\1/p' "$1" | sed 1d | awk '!seen[$0]++'; } # 1: include guard
# What others may use: outside unnamed namespaces, attributes left out.
visible() { sed '/^namespace {$/,/^} \/\/ namespace$/d; s/^\[\[[a-z:_]*\]\] //; s/^__attribute__(([a-z]*)) //' "$1"; }
# Defined at the beginning of a line.
functions() { visible "$1" | sed -n 's/^[A-Za-z][A-Za-z_:<>0-9 ]*[ *&]\([a-z_]*\)(.*)\( {\)\{0,1\}$/\1/p'; }
members() { sed -n 's/^    \.\([a-z_]*\) = .*/\1/p' "$1"; }
# Of a file with no fixed form: functions, constants, and macros of the preprocessor and of the assembler.
names() {
    functions "$1"
    visible "$1" | sed -n -e 's/^\(inline \)\{0,1\}constexpr [^={]*[ *]\([a-z_]\{1,\}\)[][a-z_ ]*[={].*/\2/p' \
        -e 's/^#define \([A-Z_]*\)[( ].*/\1/p' -e 's/.*"\.macro \([a-z_]*\).*/\1/p'
}
golden_cases() { sed -n 's/^TEST_CASE("\(.*\)")$/\1/p' "$1"; }

# compare WHAT COMMAND FILE: FILE names one architecture, its twin the other.
compare() {
    same "$1 of $3" "$("$2" "$root/$3")" "$("$2" "$root/${3//$one/$other}")"
}

# Files of a folder, the architecture's own name left out of theirs.
files() { find "$root/$1" -type f -printf '%P\n' | sed "s/$2/NAME/g" | sort; }

folders=("patcher/sim/$one" "patcher/bench/$one" "tests/"{bench,examples,matrix,process,sim/programs,tool}"/$one")
for folder in arch/$one "${folders[@]}"; do
    same "files of $folder" "$(files "$folder" $one)" "$(files "${folder//$one/$other}" $other)"
done

compare "macros" macros include/slicepatch/arch/$one.h
checks=$((checks + 1))
contract=$(sed -n 's/^ \*   \(SLICEPATCH_ARCH_[A-Z_]*\).*/\1/p' "$root/include/slicepatch/arch.h")
defined=$(macros "$root/include/slicepatch/arch/$one.h" | grep -v '_$') # those are the header's own
if [ "$contract" != "$defined" ]; then
    echo "FAILED: the macros that arch.h promises (<) and those that there are (>)"
    diff <(echo "$contract") <(echo "$defined") || true
    failures=$((failures + 1))
fi

for file in encode verify witness sync host; do
    compare "functions" functions arch/$one/$file.cpp
done
# Not what bytes are expected, which each architecture puts together in its own way.
for folder in "${folders[@]}"; do
    while read -r file; do
        compare "names" names "$folder/$file"
    done < <(files "$folder" $one | grep -v '^expected_bytes\.h$')
done
compare "members of the backend" members arch/$one/sync.cpp
compare "golden cases" golden_cases tests/arch/golden_${one}_test.cpp
compare "cases" golden_cases tests/bench/instruction_${one}_test.cpp

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
