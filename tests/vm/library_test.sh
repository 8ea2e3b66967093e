#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# library_test.sh ROOT BUILD ARCH stock|patched: the library on a kernel that has time slice extensions. One boot for
# each C library and command line; in each, the subject of the process tests runs its verbs. SLICEPATCH_KERNEL_SOURCE as
# for build.sh.
# shellcheck source=tests/vm/arguments.sh
source "$(dirname "${BASH_SOURCE[0]}")/arguments.sh"
# shellcheck source=tests/vm/scenes.sh
source "$here/scenes.sh"

subject=$build/tests/process/process_subject
archive=$build/tests/process/process_subject_archive
plugin=$build/tests/process/libprocess_plugin_shared.so
wordcount=$build/bin/wordcount
library=$build/lib/libslicepatch.so.0
text=$root/README.md
carried=("$subject" "$archive" "$plugin" "$wordcount" "$text")

counting="$wordcount --threads 12 --repeat 400 --check $text"

# What sites count and what the kernel does, of the same run: lines of the scene "sites".
counting_sites="
        granted=\$(counted sgrant) yielded=\$(counted syield)
        scene sites SLICEPATCH_COUNT=1 SLICEPATCH_VERBOSE=1 sh -c '$wordcount --threads 12 --repeat 2000 $text 2>&1'
        echo \"granted=\$((\$(counted sgrant) - granted))\"
        echo \"yielded=\$((\$(counted syield) - yielded))\""

expect_sites_count_as_the_kernel() {
    local line yielded lost
    line=$(grep -E '^slicepatch: .* sites: [0-9]+ yielded, [0-9]+ lost, 0 reached' "$scratch/out" | tail -n 1) || true
    yielded=$(sed -E 's/.*: ([0-9]+) yielded.*/\1/' <<<"$line")
    lost=$(sed -E 's/.* ([0-9]+) lost.*/\1/' <<<"$line")
    expect_value sites status 0
    expect "sites: some slices were granted" [ "$(value sites granted)" -gt 0 ]
    if [ "$arch" = x86_64 ]; then
        expect_value sites granted $((yielded + lost))
    else # whose enabled EXIT does not see a grant that is gone
        expect "sites: no more counted than granted" [ $((yielded + lost)) -le "$(value sites granted)" ]
    fi
    expect_value sites yielded "$yielded"
}

# Where in its file a probe of the library is: readelf tells its address.
probe_offset() {
    local address type offset virtual rest
    address=$(readelf --notes --wide "$library" |
        awk -v name="$1" '$1 == "Name:" { found = $2 == name } found && $1 == "Location:" { sub(",", "", $2); print $2; exit }')
    while read -r type offset virtual rest; do
        if [ "$type" = LOAD ] && [ -n "$address" ] && ((address >= virtual && address - virtual < $(cut -d ' ' -f 2 <<<"$rest"))); then
            echo $((address - virtual + offset))
            return
        fi
    done < <(readelf --segments --wide "$library" | tr -s ' ' | sed 's/^ //')
}

# What tracers see, where the library is built with probes: as often as the sites count it.
library_has_probes() {
    readelf --notes --wide "$library" | grep -q 'stapsdt'
}

probing_sites() {
    local probe
    echo "mount -t tracefs none /sys/kernel/tracing"
    for probe in yield lost; do
        echo "echo p:slicepatch/$probe $library:$(probe_offset $probe) >>/sys/kernel/tracing/uprobe_events"
    done
    cat <<TEXT
        echo 1 >/sys/kernel/tracing/events/slicepatch/enable
        scene probes SLICEPATCH_COUNT=report sh -c '$wordcount --threads 12 --repeat 2000 $text 2>&1'
        hits() { awk -v name=\$1 '\$2 == name { print \$3 }' /sys/kernel/tracing/uprobe_profile; }
        echo probed_yield=\$(hits yield)
        echo probed_lost=\$(hits lost)
TEXT
}

expect_probes_as_counted() {
    local line
    line=$(grep -E '^slicepatch: .* sites: [0-9]+ yielded, [0-9]+ lost, 0 reached' "$scratch/out" | tail -n 1) || true
    expect_value probes status 0
    expect_value probes probed_yield "$(sed -E 's/.*: ([0-9]+) yielded.*/\1/' <<<"$line")"
    expect_value probes probed_lost "$(sed -E 's/.* ([0-9]+) lost.*/\1/' <<<"$line")"
    expect "probes: some were hit" [ $(($(value probes probed_yield) + $(value probes probed_lost))) -gt 0 ]
}

# How often the text has its most frequent word, by other means.
wanted_count() {
    tr '[:upper:]' '[:lower:]' <"$text" | tr -cs '[:lower:]' "\n" | grep -cx the
}

expect_count() {
    expect_value "$1" status 0
    expect "$1: counted as coreutils count" grep -Eq "^ *$(wanted_count) +the$" "$scratch/out"
}

probes_tell_tracers_what_sites_count() {
    if ! library_has_probes; then
        echo "skipped: this library is built without probes (SLICEPATCH_USDT)"
        return
    fi
    script=$(probing_sites)
    boot new ""
    expect_probes_as_counted
}

patched_kernel_keeps_it_for_the_process() {
    script="
        scene threads SLICEPATCH_LIVE=1 $subject threads=3 init init threads=2 state revert enable join run=100 check
        scene fork $subject init fork state revert
        scene exec $subject init exec=state
        scene second $subject enable init enable state
        scene late-lock $subject init lock-disabled
        scene bytes $subject init states
        scene guest $subject open=$plugin plugin-init revert
        scene guest-then-host $subject open=$plugin plugin-init enable init state
        scene disabled $subject lock-disabled init run=100 check
        scene require SLICEPATCH=require $subject init
        scene denied $subject yield=denied init kill-yields threads=4 run=20000 join check
        busily count $counting
        $counting_sites"
    boot new ""
    expect_value threads guarantee $process
    expect_enabled_everywhere threads $locked_flags
    for scene in threads fork; do
        expect_value $scene revert $eperm
        expect_value $scene thread_revert $eperm
        expect_value $scene state $both
        expect_value $scene thread_state $both
    done
    expect_value threads thread_enable 0
    expect_value exec state 0
    expect_value second guarantee $process
    expect_value second thread_enable 0
    expect_value late-lock lock_disabled $eperm
    expect_instructions bytes enabled
    expect_value guest plugin_guarantee $thread
    expect_value guest revert 0 # it did not lock its host
    expect_value guest-then-host guarantee $process
    expect_value disabled lock_disabled 0
    expect_value disabled guarantee $none
    expect_value disabled off 15
    expect_value disabled counted yes
    expect_value require answer 0
    expect_value denied yield_number $sched_yield
    expect_value denied status 0
    expect_value denied counted yes
    expect_count count
    expect_real_grants count
    expect_sites_count_as_the_kernel
}

stock_kernel_has_it_thread_by_thread() {
    script="
        scene threads SLICEPATCH_LIVE=1 $subject threads=3 init volunteer init threads=2 state join run=100 report check
        scene archive SLICEPATCH_LIVE=1 $archive threads=3 init volunteer init threads=2 state join run=100 report check
        scene revert $subject init revert
        scene bytes $subject init states
        scene require SLICEPATCH=require $subject init
        scene denied $subject yield=denied init kill-yields threads=4 run=20000 join check
        busily count $counting
        $counting_sites"
    boot new ""
    for scene in threads archive; do
        expect_value $scene guarantee $thread
        expect_enabled_everywhere $scene $enabled_flags
        expect_value $scene threads_enabled 9 # the one that called init, 3 by themselves, 2 after, 3 of 'state'
    done
    expect_value revert revert 0
    expect_instructions bytes enabled
    expect_value require answer $eperm
    expect_value denied yield_number $sched_yield
    expect_value denied status 0
    expect_value denied counted yes
    expect_count count
    expect_real_grants count
    expect_sites_count_as_the_kernel
}

there_is_a_reason_where_there_is_none() {
    script="
        scene off $subject init run=100 check
        scene bytes $subject init states
        scene count $counting"
    boot new rseq_slice_ext=0
    expect_value off guarantee $none
    expect_value off reason "the kernel has it switched off (RSEQ_SLICE_EXTENSION not built, or rseq_slice_ext=0)"
    expect_value off off 15
    expect_instructions bytes off
    expect_count count
    expect "no slice is granted" [ "$(rise sgrant)" -eq 0 ]
}

text_is_written_where_proc_mem_is_not() {
    script="
        scene forbidden $subject init run=100 check
        scene count $counting"
    boot new proc_mem.force_override=never
    expect_value forbidden enabled 15
    expect_value forbidden writer rwx
    expect_value forbidden counted yes
    expect_count count
}

legacy_registration_is_refused_or_taken_over() {
    script="
        scene legacy $subject init run=100 check
        scene own SLICEPATCH_RSEQ=own $subject init threads=2 wait=50 state join run=100 report check
        scene own-archive SLICEPATCH_RSEQ=own $archive init threads=2 wait=50 state join run=100 report check
        scene own-late SLICEPATCH_RSEQ=own SLICEPATCH_LIVE=1 $subject threads=1 init join
        scene own-off SLICEPATCH_RSEQ=own $subject init flags=1 init state enable
        scene own-fork SLICEPATCH_RSEQ=own $subject init fork state run=100 check
        scene none GLIBC_TUNABLES=glibc.pthread.rseq=0 SLICEPATCH_LIVE=1 $subject threads=2 init volunteer init threads=2 wait=50 state join report
        scene guest SLICEPATCH_RSEQ=own $subject init open=$plugin plugin-init plugin-run close open=$plugin plugin-init state
        busily count SLICEPATCH_RSEQ=own $counting"
    boot host ""
    expect_value legacy guarantee $none
    expect_value legacy off 15
    expect "legacy: the reason names it" grep -q '^reason=libc registered the legacy 32-byte rseq area' "$scratch/out"
    local wanted=$thread flags=$enabled_flags
    [ "$kernel" = stock ] || wanted=$process flags=$locked_flags
    for scene in own own-archive; do
        expect_value $scene guarantee $wanted
        expect_enabled_everywhere $scene $flags
    done
    expect_value own-late guarantee $none
    expect_value own-late reason "libc's registration can only be taken over before other threads exist"
    expect_value own-off guarantee $none # of the second init, which takes nothing away
    expect_value own-off enable 0
    expect_value own-off thread_area_flags $flags
    expect_value own-fork area_flags $flags
    expect_value own-fork counted yes
    expect_value none guarantee $wanted
    expect_value none threads_missed 0
    expect_value none area_flags $flags
    expect_value none thread_area_flags $flags
    expect_value guest plugin_guarantee $wanted
    expect_value guest area_flags $flags
    expect_count count
    expect_real_grants count
}

stock_kernel_can_be_sealed() {
    script="
        scene sealed SLICEPATCH_SEAL=1 $subject init init threads=2 wait=50 state revert enable join run=100 report check
        scene forked SLICEPATCH_SEAL=1 $subject init fork revert state
        busily count SLICEPATCH_SEAL=1 $counting"
    boot host ""
    expect_value sealed guarantee $sealed
    expect_enabled_everywhere sealed $enabled_flags
    for scene in sealed forked; do
        expect_value $scene revert $eperm
        expect_value $scene thread_revert $eperm
    done
    expect_value sealed thread_enable 0
    expect_count count
    expect_real_grants count
}

# Linux 7.3 has it on arm64 only with the series: sites are no-ops, whoever owns the area, and everything works.
stock_arm64_kernel_has_none() {
    script="
        scene threads SLICEPATCH_LIVE=1 $subject threads=3 init init threads=2 state join run=100 report check
        scene own SLICEPATCH_RSEQ=own $subject init threads=2 join run=100 check
        scene seal SLICEPATCH_SEAL=1 $subject init run=100 check
        scene fork $subject init fork run=100 check
        scene bytes $subject init states
        scene require SLICEPATCH=require $subject init
        scene count $counting"
    boot new ""
    for scene in threads own seal fork; do
        expect_value $scene answer 0
        expect_value $scene guarantee $none
        expect_value $scene off 15
        expect_value $scene counted yes
        expect_value $scene status 0
    done
    expect_instructions bytes off
    expect_value require answer $eperm
    expect_count count
    expect_err "the kernel has no such counter" 'this kernel has no time slice extensions'
}

case $arch-$kernel in
arm64-stock)
    stock_arm64_kernel_has_none
    finish
    exit
    ;;
*-stock)
    stock_kernel_has_it_thread_by_thread
    stock_kernel_can_be_sealed
    ;;
*-patched)
    patched_kernel_keeps_it_for_the_process
    probes_tell_tracers_what_sites_count
    ;;
esac
there_is_a_reason_where_there_is_none
text_is_written_where_proc_mem_is_not
legacy_registration_is_refused_or_taken_over
finish
