#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tool_test.sh ROOT BUILD ARCH stock|patched: `slicepatch bench` and `slicepatch why` on a kernel that has time slice
# extensions. What they say about guarantees and the kernel's counters; never how fast anything is.
# shellcheck source=tests/vm/arguments.sh
source "$(dirname "${BASH_SOURCE[0]}")/arguments.sh"
# shellcheck source=tests/vm/expect.sh
source "$here/expect.sh"

if [ "$arch" = arm64 ] && [ "$kernel" = stock ]; then
    echo "skipped: Linux 7.3 has no time slice extensions on arm64 without the series"
    exit 77
fi
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

bench_tells_what_the_kernel_granted() {
    local workload requests
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
}

# why LIBC VARIABLE...: what it says with these in the environment.
why() {
    local libc=$1
    shift
    run "$root/kernel/vm.sh" --arch "$arch" --kernel "$kernel" --libc "$libc" --with "$build/bin/slicepatch" -- \
        env "$@" "$build/bin/slicepatch" why
    expect_status "why with libc '$libc' and $*" 0
}

bench_tells_what_the_kernel_granted

series='boot a kernel with the slicepatch series \(kernel/README.md\)'
why host A=
expect_out "a legacy area" '^guarantee: none$'
expect_out "what would help was tried" \
    '^next: +set SLICEPATCH_RSEQ=own, so that slicepatch registers areas of its own, or run it with glibc 2\.41 or later'
why host SLICEPATCH_RSEQ=own
expect_out "own areas" "^guarantee: $guarantee\$"
[ "$kernel" = patched ] ||
    expect_out "a seal was tried" "^next: +$series, or set SLICEPATCH_SEAL=1, which costs a filter for each system call\$"
why host GLIBC_TUNABLES=glibc.pthread.rseq=0
expect_out "no area of libc's" "^guarantee: $guarantee\$"
if [ "$kernel" = stock ]; then
    why new SLICEPATCH_SEAL=1
    expect_out "sealed" '^guarantee: sealed$'
    expect_out "sealed" "^next: +$series, which needs no filter\$"
fi
finish
