#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# selftests_test.sh ROOT ARCH stock|patched: the kernel's own tests of slice extensions, upstream's and the series'.
set -euo pipefail

root=$1
arch=$2
kernel=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/expect.sh
source "$here/expect.sh"

selftests() {
    run "$root/kernel/selftests.sh" --arch "$arch" --kernel "$kernel" "$@"
}

expect_upstream_passes() {
    expect_out "$1: upstream's pass" '^# PASSED: 3 / 3 tests passed\.$'
}

if [ "$kernel-$arch" = stock-arm64 ]; then
    selftests --runs 1
    expect_status "stock" 0
    expect_out "Linux 7.3 has none on arm64" '# SKIP slice extension not built into the kernel$'
    expect_out "so that all are skipped, upstream's too" '^0 pass, 0 fail, 147 skip$'
elif [ "$kernel" = stock ]; then
    selftests --runs 1
    expect_status "stock" 0
    expect_upstream_passes "stock"
    expect_out "the series' are skipped, and say why" '# SKIP kernel has no invariant slice extension state$'
    expect_out "all of them" '^3 pass, 0 fail, 144 skip$'
else
    selftests --runs 20
    expect_status "patched" 0
    expect_upstream_passes "patched"
    expect_out "every cell of the table" '^# Totals: pass:65 fail:0 xfail:0 xpass:0 skip:0 error:0$'
    expect_out "all but one of the series' pass" '^146 pass, 0 fail, 1 skip$'
    expect_out "the one that needs another command line" \
        '# SKIP slice extension not disabled on the kernel command line$'

    selftests --runs 1 --append rseq_slice_ext=0
    expect_status "switched off" 0
    expect_out "which passes with that one" '^ok [0-9]+ global\.disabled_on_command_line$'
    expect_out "and nothing fails" '^1 pass, 0 fail, 146 skip$'

    selftests --runs 1 --only storm_of_threads
    expect_status "one test" 0
    expect_out "and upstream's" '^4 pass, 0 fail, 0 skip$'

    selftests --timeout 6
    expect_status "a run that does not come to its end" 1
    selftests --only 'x;y'
    expect_status "what is no test's name" 2
fi
finish
