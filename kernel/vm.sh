#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs one command in a virtual machine with a kernel of build.sh. stdout is the command's, stderr the command's and
# ours, the exit status the command's. Needs no root and no KVM; leaves no process and no file behind.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: kernel/vm.sh --arch x86_64|arm64 --kernel stock|patched [options] -- COMMAND [ARGUMENT...]

  --libc new|host     the C library there: 2.41 or newer, from a later Debian release (default), or this machine's
  --with PATH         a file or folder that the command needs; any number. Programs come with their libraries, and a
                      file that the command line names by a path comes by itself
  --cpus N            default 2
  --memory M          MiB, default 1024; with --debug or --kcsan 2048
  --timeout S         seconds for all of it, default 120
  --append ARGUMENTS  for the kernel's command line
  --debug, --kcsan    a kernel that looks for mistakes, as of build.sh
  --image FILE        a kernel built otherwise; --kernel then need not be given
  --source, --series, --build-dir   as for build.sh, which builds a kernel that is not there yet
  --help              this text

Files are there under the same paths as here, and the command starts in the same folder. Of the environment it sees
SLICEPATCH*, GLIBC_TUNABLES and LD_*. There is a shell and what busybox has; nothing written there comes back.
Slices are extended by 50 us, the longest there is; the kernel's rseq statistics before and after are printed.

Exit status: the command's; 128 + N if signal N ended it; 127 or 126 if it is not there or cannot be run. Of vm.sh
itself, always with a line "vm.sh: ..." on stderr: 2 wrong usage, 124 the time was up, 125 there is no kernel or no root,
the machine did not start or stopped before the command ended, or the kernel complained of itself; 130, 143 interrupted.
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

say() {
    echo "vm.sh: $*" >&2
}

# shellcheck source=tests/packages.sh
source "$root/tests/packages.sh"
# shellcheck source=kernel/debian.sh
source "$here/debian.sh"
# shellcheck source=kernel/vm_root.sh
source "$here/vm_root.sh"

status_timeout=124
status_failed=125

wrong_usage() {
    say "$1"
    usage >&2
    exit 2
}

read_arguments() {
    arch='' kernel='' image='' debug='' cpus=2 memory='' limit=120 append='' libc=new
    with=() command=() build_options=()
    build=${SLICEPATCH_KERNEL_BUILD:-$root/build-kernel}
    while [ $# -gt 0 ]; do
        case $1 in
        --help) usage && exit 0 ;;
        --debug | --kcsan) debug=$1 ;;
        --)
            shift
            command=("$@")
            return
            ;;
        --*)
            [ $# -ge 2 ] || wrong_usage "$1 needs a value, or is unknown"
            read_option "$1" "$2"
            shift
            ;;
        *) wrong_usage "unknown argument: $1; the command comes after --" ;;
        esac
        shift
    done
}

read_option() {
    case $1 in
    --arch) arch=$2 ;;
    --kernel) kernel=$2 ;;
    --image) image=$2 ;;
    --libc) libc=$2 ;;
    --with) with+=("$2") ;;
    --cpus) cpus=$2 ;;
    --memory) memory=$2 ;;
    --timeout) limit=$2 ;;
    --append) append=$2 ;;
    --source | --series) build_options+=("$1" "$2") ;;
    --build-dir) build=$2 ;;
    *) wrong_usage "unknown argument: $1" ;;
    esac
}

check_arguments() {
    local path
    [[ $arch =~ ^(x86_64|arm64)$ ]] || wrong_usage "--arch is x86_64 or arm64"
    [ -z "$image" ] || [ -f "$image" ] || wrong_usage "--image: there is no $image"
    [ -n "$image" ] || [[ $kernel =~ ^(stock|patched)$ ]] || wrong_usage "--kernel is stock or patched"
    [[ $libc =~ ^(new|host)$ ]] || wrong_usage "--libc is new or host"
    [[ $cpus =~ ^[1-8]$ ]] || wrong_usage "--cpus is 1 to 8"
    [[ $limit =~ ^[1-9][0-9]*$ ]] || wrong_usage "--timeout is a number of seconds"
    [[ $memory =~ ^([1-9][0-9]*)?$ ]] || wrong_usage "--memory is a number of MiB"
    [ "${#command[@]}" -gt 0 ] || wrong_usage "there is no command after --"
    for path in "${with[@]}"; do
        [ -e "$path" ] || wrong_usage "--with: there is no $path"
    done
}

set_architecture() {
    case $arch in
    x86_64)
        triplet=x86_64-linux-gnu debian_arch=amd64 emulator=qemu-system-x86_64
        # On a busy machine the emulated timer is late, which the kernel takes for a broken one, and panics.
        boot="console=ttyS0 no_timer_check"
        ;;
    arm64) triplet=aarch64-linux-gnu debian_arch=arm64 emulator=qemu-system-aarch64 boot="console=ttyAMA0" ;;
    esac
    cross=
    [ "$(uname -m)" = "${triplet%%-*}" ] || cross=$triplet-
}

install_packages() {
    local packages=(cpio binutils gcc libc6-dev)
    case $arch in
    x86_64) packages+=(qemu-system-x86) ;;
    arm64) packages+=(qemu-system-arm) ;;
    esac
    [ -z "$cross" ] || packages+=("gcc-${triplet//_/-}" "libc6-dev-$debian_arch-cross")
    ensure_packages "${packages[@]}" >"$scratch/packages.log" 2>&1 || {
        cat "$scratch/packages.log" >&2
        return 1
    }
    grep -v 'are installed' "$scratch/packages.log" >&2 || true
}

machine() {
    case $arch in
    # KASAN reports itself in early boot where there are five levels of page tables.
    x86_64) printf '%s\n' -M pc -cpu "max${debug:+,-la57}" ;;
    # The architected pointer authentication is slow to emulate.
    arm64) printf '%s\n' -M virt -cpu max,pauth-impdef=on ;;
    esac
}

# A port of the machine: its name there, the file here.
port() {
    printf '%s\n' -chardev "file,id=$1,path=$2" -device "virtserialport,chardev=$1,name=$1"
}

emulator_arguments() {
    machine
    printf '%s\n' -accel tcg,thread=multi -smp "$cpus" -m "${memory:-$([ -z "$debug" ] && echo 1024 || echo 2048)}" \
        -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$image" -initrd "$scratch/root.cpio" \
        -append "$boot quiet loglevel=5 panic=-1 $append" \
        -serial "file:$scratch/console" -device virtio-serial-pci
    port stdout "$scratch/stdout"
    port stderr "$scratch/stderr"
    port status "$scratch/status"
}

processes=()

# The emulator ends with the one who started it even if that one is killed; and timeout ends it when the time is up.
start_machine() {
    local arguments=()
    readarray -t arguments < <(emulator_arguments)
    mkfifo "$scratch/stdout" "$scratch/stderr"
    : >"$scratch/status"
    cat "$scratch/stdout" &
    processes+=($!)
    cat "$scratch/stderr" >&2 &
    processes+=($!)
    setpriv --pdeathsig TERM timeout --kill-after 5 "$limit" \
        setpriv --pdeathsig KILL "$emulator" "${arguments[@]}" >"$scratch/emulator.log" 2>&1 &
    emulator_process=$!
}

# Where the emulator never opened them, their readers still wait for it.
release_readers() {
    : <>"$scratch/stdout"
    : <>"$scratch/stderr"
    wait "${processes[@]}" || true
    processes=()
}

wait_for_machine() {
    emulator_status=0
    wait "$emulator_process" || emulator_status=$?
    emulator_process=
    release_readers
}

clean_up() {
    trap '' INT TERM HUP
    if [ -n "${emulator_process-}" ]; then
        kill "$emulator_process" 2>/dev/null || true # it may have ended by itself
        wait "$emulator_process" 2>/dev/null || true
    fi
    if [ "${#processes[@]}" -gt 0 ]; then
        release_readers
    fi
    rm -rf "$scratch"
}

show_console() {
    if [ -s "$scratch/emulator.log" ]; then
        sed 's/^/    emulator: /' "$scratch/emulator.log" >&2
    fi
    tail -n 60 "$scratch/console" 2>/dev/null | tr -d '\r' | sed 's/^/    console: /' >&2 || true
}

# One line for each moment: what slices there were, and the other counters that are not zero.
tell_statistics() {
    awk '
        /^(before|after) / && ($3 != 0 || $2 ~ /^s(grant|expir|revok|yield|abort):/) {
            text[$1] = text[$1] " " substr($2, 1, length($2) - 1) "=" $3
        }
        END {
            print "vm.sh: rseq before:" text["before"]
            print "vm.sh: rseq after: " text["after"]
        }' "$scratch/status" >&2
    sed -n 's/^note /vm.sh: /p' "$scratch/status" >&2
}

# A data race is told between two lines of "=", and first by the functions of both sides. What is said of others than
# those of rseq and of the way out to user space is not what we look for.
without_other_races() {
    awk '
        /BUG: KCSAN:/ { race = /(rseq|exit_to_user_mode)/ ? "ours" : "others" }
        race != "others" { print }
        /^=+\r?$/ { race = "" }' "$scratch/console"
}

kernel_complained() {
    without_other_races |
        grep -Eq 'BUG:|WARNING:|KASAN:|INFO: (possible|suspicious|task|rcu)|Oops|Kernel panic|kernel BUG'
}

# What became of it, as our own exit status.
conclude() {
    local how number
    read -r how number < <(grep -E '^(exit|signal) [0-9]+$' "$scratch/status" | tail -n 1) || true
    if kernel_complained; then
        show_console
        say "the kernel complained of itself; the command: ${how:-did not end} ${number-}"
        return "$status_failed"
    fi
    case $how in
    exit) return "$number" ;;
    signal)
        say "the command was ended by signal $number"
        return $((128 + number))
        ;;
    esac
    show_console
    if [ "$emulator_status" -eq 124 ] || [ "$emulator_status" -eq 137 ]; then
        say "the time of $limit s was up"
        return "$status_timeout"
    fi
    say "the machine stopped before the command ended (emulator: $emulator_status)"
    return "$status_failed"
}

main() {
    read_arguments "$@"
    check_arguments
    set_architecture
    scratch=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    mkdir -p "$build"
    build=$(cd "$build" && pwd)
    if [ -z "$image" ]; then
        image=$("$here/build.sh" --arch "$arch" --kernel "$kernel" ${debug:+"$debug"} --build-dir "$build" \
            "${build_options[@]}") || { say "there is no kernel" && exit "$status_failed"; }
    fi
    install_packages || exit "$status_failed"
    make_root || { say "there is no root to run in" && exit "$status_failed"; }
    start_machine
    wait_for_machine
    tell_statistics
    conclude
}

main "$@"
