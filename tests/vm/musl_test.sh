#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# musl_test.sh ROOT BUILD ARCH stock|patched: a program of musl with libslicepatch.a, on a kernel that has time slice
# extensions. musl registers no rseq area, so that the library owns them without being asked to.
# shellcheck source=tests/vm/arguments.sh
source "$(dirname "${BASH_SOURCE[0]}")/arguments.sh"
# shellcheck source=tests/vm/scenes.sh
source "$here/scenes.sh"

need_slices
cc=musl-gcc
[ "$(uname -m)" = "$machine" ] || cc=$machine-linux-musl-gcc
if ! command -v "$cc" >/dev/null; then
    echo "skipped: no $cc here"
    exit 77
fi

programs=$root/tests/process/programs
subject=$scratch/subject
carried=("$subject")
level=$thread flags=$enabled_flags
[ "$kernel" = stock ] || level=$process flags=$locked_flags
vforked=$enxio
[ "$arch" = x86_64 ] || vforked=0 # where vfork() is fork(): musl 1.2.3, src/process/vfork.c

# The kernel's headers are not among musl's.
build_subject() {
    local file
    local sources=()
    for file in subject sections reports obstacles crowd objects states lives counting cancelled guests text; do
        sources+=("$programs/$file.c")
    done
    "$cc" -std=gnu11 -O2 -static -D_GNU_SOURCE "-I$root/include" "-I$root/tests/process/$machine" \
        -idirafter /usr/include -idirafter "/usr/include/$machine-linux-gnu" \
        "${sources[@]}" "$build/lib/libslicepatch.a" -o "$subject"
}

musl_threads_have_areas_of_ours() {
    script="
        scene compiled $subject run=1000 check
        scene threads SLICEPATCH_LIVE=1 $subject threads=3 init volunteer init threads=2 owner state join run=100 report check
        scene libc SLICEPATCH_RSEQ=libc $subject init run=100 check
        scene twin SLICEPATCH_LIVE=1 $subject raw=twin init raw-end report check
        scene children $subject init tree=4 vforks=20 vfork-exec=live spawn=live live check
        busily busy $subject init threads=8 wait=1500 join check"
    boot host ""
    expect_value compiled counted yes
    expect_value threads guarantee "$level"
    expect_value threads area own
    expect_value threads libc_area none
    expect_value threads threads_enabled 9
    expect_enabled_everywhere threads "$flags"
    expect_value libc guarantee $none
    expect_value libc counted yes
    expect_value twin raw ended
    expect_value twin threads_missed 1
    expect_value children tree 4
    expect_value children tree_bad 0
    expect_value children vforks_bad 0
    expect_value children vforked_answer $vforked
    expect_value children vfork_exec 0
    expect_value children spawned 0
    expect_value children not_enabled 0
    expect_value children counted yes
    expect_value busy counted yes
    expect_real_grants busy
}

# musl unmaps the stack and TLS of a detached thread while that thread still runs.
memory_that_musl_frees_early_is_given_back_before() {
    script="
        scene joined $subject init joined=2000 report check
        scene detached $subject init detached=6000 report check
        scene sealed SLICEPATCH_SEAL=1 $subject init detached=1000 check"
    boot host ""
    for scene in joined detached sealed; do
        expect_value $scene status 0
        expect_value $scene not_enabled 0
        expect_value $scene counted yes
    done
    expect_value joined threads_enabled 2001
    expect_value detached threads_enabled 6001
    # The filter would refuse to give an area back.
    expect_value sealed guarantee "$level"
    [ "$kernel" != stock ] || expect_value sealed failure \
        "not sealed: threads of this C library have to give their areas back before they end"
}

run build_subject
expect_status "a program of musl links the archive" 0
musl_threads_have_areas_of_ours
memory_that_musl_frees_early_is_given_back_before
finish
