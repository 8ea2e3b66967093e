#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# registration_test.sh ROOT BUILD ARCH stock|patched: areas of the library's own on a kernel that kills for what it
# finds in them. Threads, processes and copies of the library come and go; all of them live on and have what they asked
# for.
# shellcheck source=tests/vm/arguments.sh
source "$(dirname "${BASH_SOURCE[0]}")/arguments.sh"
# shellcheck source=tests/vm/scenes.sh
source "$here/scenes.sh"

programs=$build/tests/process
subject=$programs/process_subject
archive=$programs/process_subject_archive                # keeps its copy of the library to itself
exporting=$programs/process_subject_archive_exports      # shows slicepatch_registration to others
plugin=$programs/libprocess_plugin_shared.so             # needs libslicepatch.so
plugin_archive=$programs/libprocess_plugin_archive.so    # has a copy inside, that goes with it
carried=("$subject" "$archive" "$exporting" "$plugin" "$plugin_archive")
need_slices

own=SLICEPATCH_RSEQ=own
unregistered=GLIBC_TUNABLES=glibc.pthread.rseq=0
level=$thread flags=$enabled_flags
[ "$kernel" = stock ] || level=$process flags=$locked_flags

# Nobody was killed, no increment was lost, and each thread found its area enabled when it began.
expect_all_lived() {
    expect_value "$1" status 0
    expect_value "$1" guarantee "$level"
    expect_value "$1" not_enabled 0
    expect_value "$1" counted yes
}

memory_of_ended_threads_and_processes_harms_nobody() {
    script="
        scene joined $own $subject init joined=2000 report check
        scene detached $own $subject init detached=2000 report check
        scene detached-archive $own $archive init detached=1000 threads=2 joined=200 wait=50 join report check
        scene tree $own $subject init tree=4 joined=8 check
        scene tree-beside-threads $own $subject init sleepers=3 tree=4 join joined=8 report
        scene vforks $own $subject init vforks=20 check
        scene children $own $subject init vfork-exec=live spawn=live live check"
    boot host ""
    for scene in joined detached detached-archive tree vforks children; do
        expect_all_lived $scene
    done
    expect_value joined threads_enabled 2001
    expect_value detached threads_enabled 2001
    expect_value detached-archive threads_enabled 1203
    for scene in tree tree-beside-threads; do
        expect_value $scene status 0
        expect_value $scene tree 4
        expect_value $scene tree_bad 0
        expect_value $scene not_enabled 0
    done
    expect_value vforks vforks_bad 0
    # A child that borrows its parent's thread pointer must not have its parent's area registered once more.
    expect_value vforks vforked_answer $enxio
    expect_value children vfork_exec 0
    expect_value children spawned 0
}

objects_that_go_leave_the_areas() {
    script="
        scene guest $own $archive open=$plugin plugin-init init threads=2 close joined=400 wait=50 state join report check
        scene closed $own $archive open=$plugin plugin-init close open=$plugin plugin-run close init joined=200 state report check
        scene unloadable $own $archive open=$plugin_archive plugin-init close threads=1 wait=20 join check
        scene beside-unloadable $own $archive init open=$plugin_archive plugin-init init threads=2 close joined=400 wait=50 join report check"
    boot host ""
    for scene in guest closed beside-unloadable; do
        expect_all_lived $scene
    done
    expect_value guest area_flags "$flags"
    expect_value guest thread_area_flags "$flags"
    expect_value closed thread_area_flags "$flags"
    expect_value unloadable status 0
    expect_value unloadable plugin_guarantee $none
    expect_value unloadable plugin_reason \
        "this copy of the library can be unloaded, so that it may not own the registration"
    expect_value unloadable counted yes
}

# The second copy finds the areas of the first, though one of them does not see the other's symbols.
expect_one_registration() {
    local scene=$1
    expect_value "$scene" plugin_answer 0
    expect_value "$scene" plugin_guarantee "$level"
    expect_value "$scene" plugin_foreign 0
    expect_value "$scene" enabled 19 # of both objects, by the program's second init
    expect_value "$scene" foreign 0
    expect_value "$scene" plugin counted
    expect_value "$scene" area_flags "$flags"
    expect_value "$scene" thread_area_flags "$flags"
    expect_all_lived "$scene"
}

two_copies_have_one_registration() {
    local second="open=$plugin plugin-init plugin-run init plugin-run threads=2 wait=50 state join joined=80 report check"
    script="
        scene hidden $own $archive init $second
        scene exported $own $exporting init $second
        scene untold-exported $own $exporting flags=2 init open=$plugin plugin-init owner live
        scene untold-hidden $own $archive flags=2 init open=$plugin plugin-init owner plugin-run run=100 check"
    boot host ""
    expect_one_registration hidden
    expect_one_registration exported
    [ "$kernel" = stock ] || return 0
    # An init that fails has registered nothing, so that the next copy finds libc's area and takes it over itself.
    for scene in untold-exported untold-hidden; do
        expect_value $scene answer $eperm
        expect_value $scene plugin_guarantee "$level"
    done
    expect_value untold-exported not_enabled 0
    expect_value untold-hidden status 0
    expect_value untold-hidden plugin counted
    expect_value untold-hidden counted yes
}

# Only one object's sites are enabled, and run while others want the CPU.
sites_of_both_copies_are_granted_slices() {
    local both="init open=$plugin plugin-init init threads=8"
    script="busily plugin $own SLICEPATCH_SITES=plugin $archive $both plugin-run=12000000 join check"
    boot host ""
    expect_value plugin enabled 2
    expect_value plugin plugin counted
    expect_value plugin counted yes
    expect_real_grants plugin
    script="busily program $own SLICEPATCH_SITES=-plugin $archive $both wait=1500 join check"
    boot host ""
    expect_value program enabled 17
    expect_value program counted yes
    expect_real_grants program
}

areas_of_a_later_glibc_are_taken_over() {
    script="
        scene libc SLICEPATCH_RSEQ=libc $subject init owner
        scene taken $own $subject init owner threads=2 wait=50 state joined=400 detached=400 join run=100 owner report check
        scene taken-archive $own $archive init owner threads=2 wait=50 state joined=400 detached=400 join run=100 owner report check
        scene taken-fork $own $subject init tree=3 fork owner state run=100 check
        scene taken-late $own SLICEPATCH_LIVE=1 $subject threads=1 init join owner check
        busily busy $own $subject init threads=8 wait=1500 join check"
    boot new ""
    expect_value libc guarantee "$level"
    expect_value libc area "libc's"
    expect_value libc libc_area registered
    for scene in taken taken-archive; do
        expect_value $scene area own
        expect_value $scene libc_area left
        expect_enabled_everywhere $scene "$flags"
        expect_value $scene threads_enabled 806
        expect_all_lived $scene
    done
    expect_value taken-fork area own
    expect_value taken-fork tree_bad 0
    expect_value taken-fork area_flags "$flags"
    expect_value taken-fork cpu 1
    expect_value taken-fork thread_cpu 1
    expect_all_lived taken-fork
    # Not beside other threads; libc's own area then serves as well as without the wish.
    expect_value taken-late guarantee "$level"
    expect_value taken-late area "libc's"
    expect_value taken-late libc_area registered
    expect_value taken-late counted yes
    expect_value busy counted yes
    expect_real_grants busy
}

threads_that_are_missed_are_harmless() {
    script="
        scene missed $unregistered SLICEPATCH_LIVE=1 $subject raw=own init raw-end report check
        scene twin $unregistered SLICEPATCH_LIVE=1 $subject raw=twin init raw-end report check
        scene later $own $subject init raw=own raw-end raw=twin raw-end live report check"
    boot host ""
    for scene in missed twin later; do
        expect_value $scene raw ended
        expect_all_lived $scene
    done
    expect_value missed threads_missed 1
    expect_value missed threads_enabled 1
    # With the thread pointer of another: one area cannot serve two.
    expect_value twin threads_missed 1
}

memory_of_ended_threads_and_processes_harms_nobody
objects_that_go_leave_the_areas
two_copies_have_one_registration
sites_of_both_copies_are_granted_slices
areas_of_a_later_glibc_are_taken_over
threads_that_are_missed_are_harmless
finish
