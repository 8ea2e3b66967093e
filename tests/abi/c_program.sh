#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# c_program.sh CC INCLUDE-FOLDER ARCHIVE [DECODER]: a C program links the archive with a C compiler alone, and runs.
# Without DECODER where that is for another C library.
set -euo pipefail

cc=$1
include=$2
archive=$3
decoder=${4-}
# shellcheck source=tests/target.sh
source "$(dirname "${BASH_SOURCE[0]}")/../target.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/program.c" <<'C'
#include <slicepatch/slicepatch.h>
#include <stdio.h>
int main(void)
{
    struct slicepatch_report report = {.size = sizeof report};
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
    const int answer = slicepatch_init(NULL, &report);
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
    printf("%d, %u sites\n", answer, report.sites);
    return 0;
}
C

link() {
    "$cc" -std=c11 -O2 "-I$include" "$work/program.c" "$@" -o "$work/program"
}

expect() {
    local found
    found=$(run "$work/program")
    if [ "$found" != "0, 4 sites" ]; then
        echo "FAILED: $1: $found"
        exit 1
    fi
}

link "$archive"
expect "with libc alone"
needed=$(readelf --dynamic --wide "$work/program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
if grep -q 'stdc++\|libgcc_s' <<<"$needed"; then
    printf 'FAILED: a C program needs:\n%s\n' "$needed"
    exit 1
fi
if [ -n "$decoder" ]; then
    link "$archive" -Wl,--no-as-needed "$decoder"
    expect "with a decoder of its own"
fi
link -static "$archive"
expect "fully static"
