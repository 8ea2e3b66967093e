#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# programs.sh gcc|clang INCLUDE-FOLDER: programs that need the header alone, at each level of optimisation, for any CPU
# and for this one.
set -euo pipefail

include=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/target.sh
source "$here/../target.sh"
use_compiler "$1"
if ! command -v "${target_cc[0]}" >/dev/null; then
    echo "skipped: no ${target_cc[0]} here"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
checks=0

# clang 19 warns of what its own -march=native chooses on a CPU with AVX10, in words that clang 14 does not know.
warnings=(-Wall -Wextra -Wpedantic -Werror -Wno-unknown-warning-option -Wno-invalid-feature-combination)

# check PROGRAM ARGUMENT...: it compiles and finds nothing wrong.
check() {
    checks=$((checks + 1))
    if ! "${target_cc[@]}" "${@:2}" "${warnings[@]}" "-I$include" "$here/$1" -o "$work/program" ||
        ! run "$work/program"; then
        echo "FAILED: $*"
        failures=$((failures + 1))
    fi
}

cpus=("")
# A compiler for another machine knows no CPU of this one.
[ -n "$target" ] || cpus+=(-march=native)
for level in -O0 -O1 -O2 -O3 -Os; do
    check depth.c -std=c11 $level
    check depth.c -x c++ -std=c++20 $level
    for cpu in "${cpus[@]}"; do
        check registers.c -std=c11 $level ${cpu:+"$cpu"}
    done
done
echo "$checks programs, $failures failed"
[ "$failures" -eq 0 ]
