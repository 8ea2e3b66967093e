# shellcheck shell=bash disable=SC2154,SC2034,SC2001,SC2016 # variables of those who source this, and for them
# SPDX-License-Identifier: MIT
#
# Sourced by this folder's scripts: programs as scenes on a kernel that has time slice extensions, many of them in one
# boot. Needs $root, $arch, $kernel, and $carried, the files that the scenes name.
# shellcheck source=tests/vm/expect.sh
source "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

none=0 thread=1 sealed=2 process=3
machine=${arch/arm64/aarch64} # as compilers and folders have it
eperm=-1 enxio=-6
both=1073741825 # INVARIANT | ENABLE
least_grants=20 least_yields=5
sched_yield=24 # the number of a system call: what serves where a sandbox denies the right one
[ "$arch" = x86_64 ] || sched_yield=124
enabled_flags=48 locked_flags=1073741872 # rseq->flags: AVAILABLE | ENABLED, and the lock

# Ends the script where the kernel cannot have the extension at all.
need_slices() {
    if [ "$arch" = arm64 ] && [ "$kernel" = stock ]; then
        echo "skipped: Linux 7.3 has no time slice extensions on arm64 without the series"
        exit 77
    fi
}

# boot LIBC APPEND: runs $script there; each "scene NAME COMMAND..." of it prints "== NAME" and what COMMAND says.
# "busily" does the same again, a few times, until the kernel has counted what expect_real_grants wants: how often
# threads are interrupted in a section depends on what else the machine does.
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

# sites_of SCENE: "NAME KIND STATE BYTES" of each site, as the program read them from its own memory.
sites_of() {
    awk -v scene="== $1" '/^== /{inside = ($0 == scene)} inside && /^site=/{print substr($0, 6)}' "$scratch/out"
}

# instructions HEX: what binutils read there, in one line, each with a ";" behind it.
instructions() {
    local objdump=objdump
    [ "$(uname -m)" = "$machine" ] || objdump=$machine-linux-gnu-objdump
    printf '%b' "$(sed 's/../\\x&/g' <<<"$1")" >"$scratch/bytes"
    "$objdump" -D -b binary -m "${machine/x86_64/i386:x86-64}" --no-show-raw-insn "$scratch/bytes" |
        sed -nE 's/^ +[0-9a-f]+:\t//p' | sed -E 's,[[:space:]]*//.*$,,; s/[[:space:]]+/ /g' | tr '\n' ';'
}

matches() {
    [[ $1 =~ $2 ]]
}

# What stands at live sites. To write one byte at a fixed distance from the thread pointer is to ask; EXIT takes that
# back.
case $arch in
x86_64)
    enter_enabled='^movb \$0x1,%fs:0x[0-9a-f]+;$'
    exit_enabled='^shrb (\$1,)?%fs:0x[0-9a-f]+;jae 0x[0-9a-f]+;$'
    enter_off='^nopw [^;]*;$'
    exit_off='^nopl [^;]*;nopw [^;]*;$'
    ;;
arm64)
    base='nop;mrs x16, tpidr_el0;(nop|(add|sub) x16, x16, #0x[0-9a-f]+, lsl #12);'
    enter_enabled="^${base}mov w17, #0x1;stu?rb w17, \\[x16, #-?[0-9]+\\];\$"
    exit_enabled="^${base}stu?rb wzr, \\[x16, #-?[0-9]+\\];ldu?rb w16, \\[x16, #-?[0-9]+\\];cbz w16, 0x1c;b 0x[0-9a-f]+;\$"
    enter_off='^b 0x14;mrs x16, tpidr_el0;([^;]*;){3}$'
    exit_off='^b 0x1c;mrs x16, tpidr_el0;([^;]*;){5}$'
    ;;
esac

# stored TEXT: where the instructions of an enabled site write, by what they have for it.
stored() {
    sed -nE 's/.*%fs:(0x[0-9a-f]+).*/\1/p; s/^nop;mrs x16, tpidr_el0;([^;]*);.*stu?rb [^;]*#(-?[0-9]+)\];.*/\1 \2/p' <<<"$1"
}

# The byte that says that a request was granted is behind the request; one instruction of x86-64 needs no look at it.
looks_behind() {
    [[ ! $1 =~ rb\ wzr,\ \[x16,\ #([-0-9]+)\]\;ldu?rb\ w16,\ \[x16,\ #([-0-9]+)\] ]] ||
        [ $((BASH_REMATCH[1] + 1)) -eq "${BASH_REMATCH[2]}" ]
}

# expect_instructions SCENE enabled|off: at every ENTER and EXIT of the subject, by a disassembler that is not ours.
expect_instructions() {
    local scene=$1 state=$2 name kind seen bytes text pattern
    local sites=0
    : >"$scratch/stored"
    while read -r name kind seen bytes; do
        [ "$kind" != branch ] || continue
        sites=$((sites + 1))
        text=$(instructions "$bytes")
        pattern=${kind}_$state
        expect "$scene: the $kind of $name is $seen: $bytes: $text" matches "$text" "${!pattern}"
        expect "$scene: the $kind of $name looks at the byte behind the request: $text" looks_behind "$text"
        [ "$name" != first ] || echo "$scene: $kind, $state: ${text//;/; }"
        stored "$text" >>"$scratch/stored"
    done < <(sites_of "$scene")
    expect "$scene: 7 ENTERs and 7 EXITs, not $sites sites" [ $sites -eq 14 ]
    [ "$state" = off ] || expect "$scene: all of them write the same byte: $(sort "$scratch/stored" | uniq -c)" \
        [ "$(sort "$scratch/stored" | uniq -c | awk '{print $1}')" = 14 ]
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
