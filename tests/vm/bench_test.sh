#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bench_test.sh ROOT BUILD ARCH stock|patched: `slicepatch bench` on a kernel that has time slice extensions. What it says
# about guarantees and the kernel's counters; never how fast anything is.
set -euo pipefail

root=$1
build=$2
arch=$3
kernel=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/expect.sh
source "$here/expect.sh"

if [ "$kernel" = patched ]; then
    guarantee=process
else
    guarantee=thread
fi

# counter WORKLOAD REQUESTS N: the sum of the Nth of "granted / yielded / expired".
counter() {
    awk -v workload="$1," -v requests="$2" -v field="$3" '
        NF == 0 {inside = 0}
        $1 == workload {inside = 1}
        inside && $1 == requests {split($0, part, " / "); gsub(/.* /, "", part[1]); sum += part[field]}
        END {print sum + 0}' "$scratch/out"
}

run "$root/kernel/vm.sh" --arch "$arch" --kernel "$kernel" --cpus 2 --timeout 300 --with "$build/bin/slicepatch" \
    --with "$build/libexec" --with "$build/lib" --with "$root/README.md" -- \
    "$build/bin/slicepatch" bench --quick --parts contention,calls --contention 4 --contention-ms 400 \
    --text "$root/README.md"
expect_status "the bench" 0
for workload in spinlock wordcount; do
    expect_out "$workload" "^$workload, 4 threads per CPU \(8 in all\), guarantee $guarantee\$"
    expect "$workload: who requests nothing is granted nothing: $(counter $workload none 1)" \
        [ "$(counter $workload none 1)" -eq 0 ]
    for requests in by-hand naive per-attempt; do
        expect "$workload, $requests: granted: $(counter $workload $requests 1)" \
            [ "$(counter $workload $requests 1)" -gt 0 ]
    done
    expect "$workload: and given back: $(counter $workload per-attempt 2)" \
        [ "$(counter $workload per-attempt 2)" -gt 0 ]
done
expect_out "switched off" '^  off +none '
expect_out "as found" "^  as found +$guarantee "
expect_out "own areas" "^  own areas +$guarantee "
if [ "$kernel" = stock ]; then
    expect_out "sealed" '^  sealed +sealed '
else
    expect_out "the series needs no seal" '^  sealed +process '
fi
finish
