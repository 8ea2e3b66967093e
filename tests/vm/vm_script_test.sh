#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# vm_script_test.sh ROOT ARCH stock|patched: what kernel/vm.sh promises, with one of the kernels. The programs here are
# made for it: what slicepatch does in there is for other tests. SLICEPATCH_KERNEL_SOURCE as for build.sh.
set -euo pipefail

root=$1
arch=$2
kernel=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/expect.sh
source "$here/expect.sh"

case $arch in
x86_64) triplet=x86_64-linux-gnu ;;
arm64) triplet=aarch64-linux-gnu ;;
esac
compiler=$triplet-gcc

vm() {
    run "$root/kernel/vm.sh" --arch "$arch" --kernel "$kernel" "$@"
}

# compile NAME OPTION...: the program from stdin.
compile() {
    local name=$1
    shift
    "$compiler" -x c -o "$scratch/$name" - "$@"
}

wrong_usage_is_refused() {
    local arguments
    for arguments in "" "--arch $arch --kernel $kernel" "--arch $arch --kernel $kernel --" \
        "--arch mips --kernel stock -- true" "--arch $arch --kernel old -- true" "--arch $arch --kernel $kernel true" \
        "--arch $arch --kernel $kernel --libc musl -- true" "--arch $arch --kernel $kernel --cpus 0 -- true" \
        "--arch $arch --kernel $kernel --timeout soon -- true" "--arch $arch --kernel $kernel --fast yes -- true" \
        "--arch $arch --kernel $kernel --with /nowhere -- true" "--arch $arch --image /nowhere -- true"; do
        # shellcheck disable=SC2086 # words
        run "$root/kernel/vm.sh" $arguments
        expect_status "'$arguments'" 2
        expect_err "'$arguments'" '^usage: '
    done
}

the_exit_status_is_the_commands() {
    local number
    for number in 0 3 125; do
        vm -- sh -c "exit $number"
        expect_status "exit $number" "$number"
        expect_no_err "exit $number" 'console:'
    done
    vm -- sh -c 'kill -SEGV $$'
    expect_status "a signal" 139
    expect_err "a signal" 'vm.sh: the command was ended by signal 11'
    vm -- no-such-command
    expect_status "no such command" 127
    vm -- /etc/passwd
    expect_status "not a program" 126
}

the_output_is_the_commands() {
    vm -- sh -c 'printf "out 1\nexit 7\n"; echo "err 1" >&2; echo "out 2" >/dev/stdout; head -c 3000000 /dev/zero; echo end'
    expect_status "output" 0
    expect "stdout, to the last byte" [ "$(tr -d '\0' <"$scratch/out")" = $'out 1\nexit 7\nout 2\nend' ]
    expect "all of it" [ "$(stat --format=%s "$scratch/out")" -eq $((13 + 6 + 3000000 + 4)) ]
    expect_err "stderr" '^err 1$'
    expect_err "statistics" '^vm.sh: rseq after: .*exit='
}

what_is_left_behind_ends() {
    vm --timeout 60 -- sh -c 'sleep 1000 & echo left'
    expect_status "a command that leaves a process" 0
    expect_out "a command that leaves a process" '^left$'
}

the_time_is_limited() {
    vm --timeout 20 -- sh -c 'echo before; sleep 1000'
    expect_status "too long" 124
    expect_out "too long" '^before$'
    expect_err "too long" 'vm.sh: the time of 20 s was up'
}

a_kernel_that_dies_is_an_error() {
    vm -- reboot -f
    expect_status "a machine that stops" 125
    expect_err "a machine that stops" 'vm.sh: the machine stopped before the command ended'
    vm --append 'init=/nowhere rdinit=/nowhere' -- true
    expect_status "no init" 125
    expect_err "no init" 'console: .*Kernel panic'
}

# A program with a library of its own, a file that its command line names, and one that --with names.
files_come_along() {
    mkdir -p "$scratch/lib" "$scratch/data/sub"
    echo 'int answer(void) { return 42; }' | compile lib/libanswer.so -shared -fPIC
    # shellcheck disable=SC2016 # the loader's variable
    compile program -L"$scratch/lib" -lanswer -Wl,-rpath,'$ORIGIN/lib' <<'C'
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
int answer(void);
int main(int argc, char **argv)
{
    char line[80] = "";
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        printf("%s", file != NULL && fgets(line, sizeof line, file) != NULL ? line : "none\n");
    }
    printf("%d glibc %s\n%s\n", answer(), gnu_get_libc_version(), getenv("SLICEPATCH_TEST"));
}
C
    echo 'named file' >"$scratch/data/named"
    echo 'file below' >"$scratch/data/sub/below"
    export SLICEPATCH_TEST='a b'
    cd "$scratch"
    vm --with data/sub -- ./program data/named data/sub/below data/other
    expect_status "a program with files" 0
    expect_out "the named file" '^named file$'
    expect_out "the file of --with" '^file below$'
    expect_out "what is not there" '^none$'
    expect_out "a later C library" '^42 glibc 2\.(4[1-9]|[5-9])'
    expect_out "the environment" '^a b$'
    vm --libc host -- ./program
    expect_status "this machine's C library" 0
    expect_out "this machine's C library" "^42 glibc $("$compiler" -dM -E -include features.h - </dev/null |
        awk '/__GLIBC__/ { a = $3 } /__GLIBC_MINOR__/ { b = $3 } END { print a "\\." b }')\$"
    cd - >/dev/null
}

# What runs under a process, by the name of this test's scratch folder in its arguments.
emulators() {
    pgrep -f "qemu-system.*$TMPDIR/" || true
}

wait_until() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        if "$@" >/dev/null 2>&1; then
            return 0
        fi
        sleep 0.1
    done
    return 1
}

emulator_runs() {
    [ -n "$(emulators)" ]
}

no_emulator_runs() {
    [ -z "$(emulators)" ]
}

# ended_by SIGNAL STATUS
ended_by() {
    local number=0 process
    rm -f "$scratch/out" # what the one before said
    # A shell's background processes ignore Ctrl-C; this one is to have it as from a terminal.
    env --default-signal=INT "$root/kernel/vm.sh" --arch "$arch" --kernel "$kernel" -- \
        sh -c 'echo started; sleep 1000' >"$scratch/out" 2>"$scratch/err" &
    process=$!
    expect "it starts" wait_until grep -q started "$scratch/out"
    expect "the emulator runs" emulator_runs
    kill "-$1" "$process"
    wait "$process" 2>/dev/null || number=$?
    status=$number
    expect_status "after SIG$1" "$2"
    expect "no emulator is left after SIG$1" wait_until no_emulator_runs
}

no_process_is_left() {
    export TMPDIR=$scratch/tmp
    mkdir "$TMPDIR"
    ended_by INT 130
    ended_by TERM 143
    expect "no file is left" [ -z "$(ls -A "$TMPDIR")" ]
    ended_by KILL 137
    unset TMPDIR
}

# In a build folder of its own, where the root's layers are not there yet.
the_roots_layers_are_made_whole_or_not_at_all() {
    local image folder=$scratch/build
    image=$("$root/kernel/build.sh" --arch "$arch" --kernel "$kernel" --print)
    mkdir -p "$scratch/broken"
    printf '#!/bin/sh\nexit 1\n' >"$scratch/broken/dpkg-deb"
    chmod +x "$scratch/broken/dpkg-deb"
    run env PATH="$scratch/broken:$PATH" "$root/kernel/vm.sh" --arch "$arch" --image "$image" --build-dir "$folder" -- true
    expect_status "a package that cannot be unpacked" 125
    expect_err "a package that cannot be unpacked" 'there is no root to run in'

    "$root/kernel/vm.sh" --arch "$arch" --image "$image" --build-dir "$folder" -- sh -c 'echo first' \
        >"$scratch/first" 2>&1 &
    run "$root/kernel/vm.sh" --arch "$arch" --image "$image" --build-dir "$folder" -- sh -c 'echo second'
    expect_status "two machines at once" 0
    expect_out "the second" '^second$'
    expect "the first ends well" wait $!
    expect "the first's output: $(cat "$scratch/first")" grep -qx first "$scratch/first"
}

wrong_usage_is_refused
the_roots_layers_are_made_whole_or_not_at_all
the_exit_status_is_the_commands
the_output_is_the_commands
what_is_left_behind_ends
the_time_is_limited
a_kernel_that_dies_is_an_error
files_come_along
no_process_is_left
finish
