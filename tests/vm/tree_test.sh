#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tree_test.sh ROOT BUILD ARCH stock|patched AREA: the test programs of an area of the build tree, each in whole, in a
# virtual machine. They bring their own answers of the kernel, so that its time slice extension is switched off: as on
# the machines that they run on otherwise. SLICEPATCH_KERNEL_SOURCE as for build.sh.
# shellcheck source=tests/vm/arguments.sh
source "$(dirname "${BASH_SOURCE[0]}")/arguments.sh"
area=$5
# shellcheck source=tests/vm/expect.sh
source "$here/expect.sh"

# The programs with test cases, in $programs, and what they read or start besides their own area's files, in $carried.
carried=("$build/lib")
case $area in
unit) programs=(unit_test arch_test arch_compiled_test arch_live_test_8 arch_live_test_40000) ;;
process)
    programs=(process_test process_reachable_mixes_test)
    carried+=("$build/bin/slicepatch" "$root/tests/process/programs/debugged.c")
    ;;
sim)
    programs=(sim_test)
    carried+=("$build/bin/slicepatch")
    ;;
tool)
    # What only reads files (hostile, and the other architecture's) an emulator of processes runs in whole, in a quarter
    # of the time.
    programs=(tool_{command_line,dump,process,selftest,verify,why}_test)
    carried+=("$build"/bin/{slicepatch,tool_sample_unmarked} "$root/tests/tool/samples/sample.c")
    ;;
examples)
    programs=(examples_{minimal,wordcount,simulated,live,checked_lock}_test)
    carried+=("$build"/bin/{slicepatch,wordcount,minimal_c,minimal_cpp} "$root/LICENSE" "$root/include" "$root/examples")
    [ ! -e "$build/bin/ck_spinlock" ] || carried+=("$build/bin/ck_spinlock")
    ;;
bench)
    # What only computes and formats, an emulator of processes runs in a tenth of the time.
    programs=(bench_{step,watch,counts}_test)
    carried+=("$build/bin/slicepatch" "$build/libexec")
    ;;
*) echo "tree_test.sh: no area $area" >&2 && exit 2 ;;
esac

# What the area's own folder has for them: programs, shared objects, and files that are only read.
own_files() {
    find "$build/tests/$area" -name '*.dir' -not -name '*sample_object.dir' -prune -o -type f \
        \( -perm -u+x -o -name '*.so' -o -name '*.o' \) -print
}

# The machine's own shell and tools are static, and the simulated kernel is preloaded: this one, of this machine's
# release, takes the place of them.
fetch_busybox() {
    local folder=$build/vm
    busybox=$folder/bin/busybox
    [ ! -x "$busybox" ] || return 0
    mkdir -p "$folder" &&
        (cd "$folder" && apt-get -qq download "busybox:${arch/x86_64/amd64}" && dpkg-deb -x busybox_*.deb .) >&2
}

run_programs() {
    local program path file script=
    local with=()
    if [[ $area =~ ^(sim|tool|examples|bench)$ ]]; then
        fetch_busybox || { echo "skipped: no busybox for $arch that is linked dynamically" && exit 77; }
        with+=(--with "$busybox")
        script="mv $busybox /usr/bin/busybox;"
    fi
    while read -r file; do
        with+=(--with "$file")
    done < <(own_files)
    for file in "${carried[@]}"; do
        with+=(--with "$file")
    done
    for program in "${programs[@]}"; do
        path=$build/bin/$program
        with+=(--with "$path")
        script+="echo '== $program'; $path --count; $path --no-colors; echo \"status=\$?\";"
    done
    run "$root/kernel/vm.sh" --arch "$arch" --kernel "$kernel" --libc host --append rseq_slice_ext=0 --cpus 2 \
        --memory 2048 --timeout 560 "${with[@]}" -- sh -c "$script"
    expect_status "the machine" 0
    cp "$scratch/out" "$scratch/all"
    : >"$scratch/out" # a failed program is shown alone
}

# What neither this architecture nor a machine with few programs can show. The rest of these areas is only run here.
known_skips='there is no gdb here|root without setpriv|no mount namespace|no system call user dispatch'
known_skips+='|no head of this architecture can be misaligned|the stripped program|folding by|no pkey_mprotect here'
known_skips+='|a registration that is refused|there is no nm here|no namespaces of process numbers here'

# The summary of doctest counts what ran; what a case could not do is a line of its own, with the reason.
check_program() {
    local name=$1 said=$scratch/said listed ran failed ended unknown
    awk -v program="== $name" '/^== /{inside = ($0 == program)} inside' "$scratch/all" >"$said"
    sed -n "s/^\[doctest\] \(test cases\|assertions\)/$name: \1/p" "$said"
    sed -nE "s/^.*(SKIP: |skipped [0-9]+ )/$name: \1/p" "$said" | sort | uniq -c
    listed=$(sed -n 's/.* passing the current filters: *//p' "$said")
    ran=$(sed -n 's/^\[doctest\] test cases: *\([0-9]*\) .*/\1/p' "$said")
    failed=$(sed -n 's/^\[doctest\] test cases:.* \([0-9]*\) failed .*/\1/p' "$said")
    ended=$(sed -n 's/^status=//p' "$said")
    [[ $failed = 0 && $ended =~ ^(0|77)$ ]] || cat "$said"
    unknown=$(sed -nE 's/^.*(SKIP: |skipped [0-9]+ )//p' "$said" | grep -Ev "$known_skips" || true)
    expect "$name: nothing else is skipped: '$unknown'" [ -z "$unknown" ]
    expect "$name: it lists its cases: '$listed'" [ "${listed:-0}" -gt 0 ]
    expect "$name: all $listed ran, not '$ran'" [ "$listed" = "$ran" ]
    expect "$name: none failed, not '$failed'" [ "$failed" = 0 ]
    expect "$name: it ends with 0, or 77 for skips, not '$ended'" grep -Eqx "0|77" <<<"$ended"
}

for program in "${programs[@]}"; do
    expect "$program is built" [ -x "$build/bin/$program" ]
done
[ "$failures" -eq 0 ] || finish
run_programs
for program in "${programs[@]}"; do
    check_program "$program"
done
finish
