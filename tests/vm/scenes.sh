# shellcheck shell=bash disable=SC2154 # variables of those who source this
# SPDX-License-Identifier: MIT
#
# Sourced by this folder's scripts: programs as scenes on a kernel that has time slice extensions, many of them in one boot.
# Needs $root, $arch, $kernel, and $carried, the files that the scenes name.
# shellcheck source=tests/vm/expect.sh
source "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

# shellcheck disable=SC2034 # for those who source this
none=0 thread=1 sealed=2 process=3
eperm=-1 enxio=-6
both=1073741825 # INVARIANT | ENABLE
least_grants=20 least_yields=5
enabled_flags=48 locked_flags=1073741872 # rseq->flags: AVAILABLE | ENABLED, and the lock

# boot LIBC APPEND: runs $script there; each "scene NAME COMMAND..." of it prints "== NAME" and what COMMAND says. "busily"
# does the same again, a few times, until the kernel has counted what expect_real_grants wants: how often threads are
# interrupted in a section depends on what else the machine does.
boot() {
    local libc=$1 append=$2 file
    local with=()
    for file in "${carried[@]}"; do
        with+=(--with "$file")
    done
    run "$root/kernel/vm.sh" --arch "$arch" --kernel "$kernel" --libc "$libc" --append "$append" --cpus 2 --timeout 300 \
        "${with[@]}" -- sh -c "
            scene() { echo \"== \$1\"; shift; env \"\$@\"; echo \"status=\$?\"; }
            counted() { sed -n \"s/^\$1: *//p\" /sys/kernel/debug/rseq/stats; }
            busily() {
                for run in 1 2 3 4 5 6 7 8; do
                    scene \"\$@\"
                    [ \"\$(counted sgrant)\" -le $least_grants ] || [ \"\$(counted syield)\" -le $least_yields ] || break
                done
            }
            $script"
    expect_status "the machine with libc '$libc' and '$append'" 0
}

# value SCENE KEY: the last value of KEY in what the scene printed.
value() {
    awk -v scene="== $1" -v key="$2=" \
        '/^== /{inside = ($0 == scene)} inside && index($0, key) == 1 {found = substr($0, length(key) + 1)} END {print found}' \
        "$scratch/out"
}

# expect_value SCENE KEY WANTED
expect_value() {
    expect "$1: $2 is '$(value "$1" "$2")', wanted '$3'" [ "$(value "$1" "$2")" = "$3" ]
}

# rise COUNTER: by how much one of the kernel's statistics rose.
rise() {
    local before after
    before=$(sed -n "s/^vm.sh: rseq before: .*\b$1=\([0-9]*\).*/\1/p" "$scratch/err")
    after=$(sed -n "s/^vm.sh: rseq after: .*\b$1=\([0-9]*\).*/\1/p" "$scratch/err")
    echo $((${after:-0} - ${before:-0}))
}

# The kernel granted slices and got them back, for the request of one store that patched sites make.
expect_real_grants() {
    expect "$1: slices were granted: $(rise sgrant)" [ "$(rise sgrant)" -gt $least_grants ]
    expect "$1: and given back: $(rise syield)" [ "$(rise syield)" -gt $least_yields ]
}

# Every thread is enabled, whenever it began, and its request is one store.
expect_enabled_everywhere() {
    local scene=$1 flags=$2
    expect_value "$scene" answer 0
    expect_value "$scene" enabled 15
    expect_value "$scene" threads_missed 0
    expect_value "$scene" area_flags "$flags"
    expect_value "$scene" thread_area_flags "$flags"
    expect_value "$scene" cpu 1
    expect_value "$scene" thread_cpu 1
    expect_value "$scene" counted yes
}
