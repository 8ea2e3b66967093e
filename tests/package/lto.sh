#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# lto.sh CMAKE SOURCE BUILD CC CXX: the library alone, configured as distributions do, with link-time optimisation and
# the C++ library's assertions, gives an archive that a C program links, with and without optimisation of its own.
set -euo pipefail

cmake=$1
source=$2
build=$3
cc=$4
cxx=$5
mkdir -p "$build/package"
work=$(mktemp -d "$build/package/XXXXXX")
trap 'rm -rf "$work"' EXIT
unset CFLAGS CXXFLAGS LDFLAGS

quietly() {
    "$@" >"$work/messages" 2>&1 || {
        cat "$work/messages"
        echo "FAILED: $*"
        exit 1
    }
}

# As some compilers define it by themselves without optimisation, which is how this is compiled; and as Fedora passes
# it.
assertions="-D_GLIBCXX_ASSERTIONS -Wp,-D_GLIBCXX_ASSERTIONS"
quietly "$cmake" -G Ninja -S "$source" -B "$work/tree" -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
    -DCMAKE_C_FLAGS=-flto=auto "-DCMAKE_CXX_FLAGS=-flto=auto $assertions" \
    -DSLICEPATCH_BUILD_TOOL=OFF -DSLICEPATCH_BUILD_EXAMPLES=OFF -DSLICEPATCH_BUILD_TESTS=OFF
quietly "$cmake" --build "$work/tree" --target slicepatch_static
cat >"$work/program.c" <<'C'
#include <slicepatch/slicepatch.h>
int main(void)
{
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
    return slicepatch_init(NULL, NULL);
}
C
for optimised in -fno-lto -flto=auto; do
    quietly "$cc" -O2 "$optimised" "-I$source/include" "$work/program.c" "$work/tree/lib/libslicepatch.a" \
        -o "$work/program"
    quietly "$work/program"
done
