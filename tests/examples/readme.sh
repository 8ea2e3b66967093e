#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# readme.sh README INCLUDE-FOLDER LIBRARY-FOLDER COMPILER: every block of C and of C++ in README that has a main() is a
# program that compiles without a warning, links and ends with status 0. There has to be one of each language.
# COMPILER gcc|clang, or a cross compiler's gcc; status 77: it is not here. SLICEPATCH_EMULATOR is what runs the
# programs.
set -euo pipefail
export LC_ALL=C

readme=$1
include=$2
library=$3
compiler=$4
case $compiler in
*gcc) cxx=${compiler%gcc}g++ ;;
clang) cxx=clang++ ;;
*) echo "unknown compiler $compiler" && exit 2 ;;
esac
command -v "$compiler" "$cxx" >/dev/null || {
    echo "skipped: there is no $compiler here"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# $work/LINE.c or .cpp for each block, LINE being where README has it.
awk -v work="$work" '
    /^```/ && file { close(file); file = ""; next }
    /^```(c|cpp)$/ { file = work "/" NR "." substr($0, 4); next }
    file { print >file }' "$readme"

# run_blocks SUFFIX COMMAND...: counts in programs.
run_blocks() {
    local suffix=$1 block line
    shift
    programs=0
    for block in "$work"/*."$suffix"; do
        grep -qs 'main(' "$block" || continue
        line=$(basename "$block" ".$suffix")
        "$@" -O2 -Wall -Wextra -Wpedantic -Werror "-I$include" "$block" "-L$library" "-Wl,-rpath,$library" -lslicepatch \
            -pthread -o "$work/program" || fail "the block at line $line does not compile with $1"
        ${SLICEPATCH_EMULATOR-} "$work/program" || fail "the block at line $line ends with status $?"
        programs=$((programs + 1))
    done
    [ "$programs" -gt 0 ] || fail "no block of README is a program (.$suffix)"
    echo "$1: $programs programs of README ran"
}

run_blocks c "$compiler" -std=c11
run_blocks cpp "$cxx" -std=c++20
