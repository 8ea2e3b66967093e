#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Compiles what the series touches after each of its patches, in every configuration that it can meet, with W=1 and, where
# it is installed, sparse. A warning that the source had not before the first patch is a failure.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: kernel/build.sh --check [options], or kernel/check.sh [options]

  --source DIR|TARBALL, --series DIR, --build-dir DIR, --jobs N   as for build.sh
  --configurations "NAME..."   some of x86_64, x86_64-off (without the option), x86_64-norseq (without rseq at all),
                         i386, arm64 (default: all)
  --help                 this text

About 30 minutes on 2 cores. One line for each patch and configuration, and the new warnings below it.

Exit status: 0 no new warning and no error, 1 some, 2 wrong usage, 3 the series does not apply and the source is not the
one it was made for, 4 there is no source.
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

say() {
    echo "check.sh: $*" >&2
}

# shellcheck source=tests/packages.sh
source "$root/tests/packages.sh"
# shellcheck source=kernel/debian.sh
source "$here/debian.sh"
# shellcheck source=kernel/source.sh
source "$here/source.sh"

# What includes one of the headers that the series changes, and what it changes itself.
objects_of_all="kernel/fork.o kernel/exit.o kernel/sys.o kernel/sched/core.o fs/exec.o fs/proc/array.o"
objects_with_rseq="kernel/rseq.o kernel/entry/common.o"

read_arguments() {
    given_source=${SLICEPATCH_KERNEL_SOURCE-}
    series=$here/patches
    build=${SLICEPATCH_KERNEL_BUILD:-$root/build-kernel}
    jobs=$(nproc)
    configurations="x86_64 x86_64-off x86_64-norseq i386 arm64"
    while [ $# -gt 0 ]; do
        case $1 in
        --help) usage && exit 0 ;;
        --source | --series | --build-dir | --jobs | --configurations)
            [ $# -ge 2 ] || { usage >&2 && exit 2; }
            case $1 in
            --source) given_source=$2 ;;
            --series) series=$2 ;;
            --build-dir) build=$2 ;;
            --jobs) jobs=$2 ;;
            --configurations) configurations=$2 ;;
            esac
            shift
            ;;
        *) usage >&2 && exit 2 ;;
        esac
        shift
    done
}

# The line of make for a configuration.
check_make() {
    local configuration=$1 cross='' architecture=${1%-*}
    shift
    if [ "$architecture" = arm64 ] && [ "$(uname -m)" != aarch64 ]; then
        cross=aarch64-linux-gnu-
    elif [ "$architecture" != arm64 ] && [ "$(uname -m)" != x86_64 ]; then
        cross=x86_64-linux-gnu-
    fi
    LC_ALL=C make --no-print-directory -C "$tree" O="$build/check/$configuration" ARCH="$architecture" \
        CROSS_COMPILE="$cross" "$@"
}

# Over tinyconfig, as build.sh does; the options that make the difference come last.
check_configure() {
    local configuration=$1 objects=$build/check/$1
    local fragments=("$here/config/common.config")
    rm -rf "$objects"
    mkdir -p "$objects"
    case $configuration in
    x86_64*) fragments+=("$here/config/x86_64.config") ;;
    arm64) fragments+=("$here/config/arm64.config") ;;
    esac
    case $configuration in
    *-off) echo "# CONFIG_RSEQ_SLICE_EXTENSION is not set" >"$objects/last.config" ;;
    *-norseq) printf '# CONFIG_%s is not set\n' RSEQ RSEQ_SLICE_EXTENSION RSEQ_STATS SCHED_MM_CID >"$objects/last.config" ;;
    *) : >"$objects/last.config" ;;
    esac
    check_make "$configuration" -s tinyconfig &&
        (cd "$tree" && scripts/kconfig/merge_config.sh -m -O "$objects" "$objects/.config" "${fragments[@]}" \
            "$objects/last.config") && check_make "$configuration" -s olddefconfig
}

# The difference that the configuration is about has to be there. 7.3 has no extension on arm64 before the patch for it.
check_option() {
    local wanted=$1 option=$2 found=no
    if grep -q "^CONFIG_$option=y" "$build/check/$3/.config"; then
        found=yes
    fi
    [ "$found" = "$wanted" ]
}

check_options() {
    case $1 in
    *-off) check_option yes RSEQ "$1" && check_option no RSEQ_SLICE_EXTENSION "$1" ;;
    *-norseq) check_option no RSEQ "$1" ;;
    arm64) check_option yes RSEQ "$1" ;;
    *) check_option yes RSEQ_SLICE_EXTENSION "$1" ;;
    esac
}

# Warnings without their line numbers, which every patch moves.
warnings_of() {
    grep -E '(warning|error):' "$1" | sed -E 's/:[0-9]+:([0-9]+:)?/:/g' | sort -u
}

# check_step CONFIGURATION STEP: compiles, and compares with step 0, the source without the series.
check_step() {
    local configuration=$1 step=$2 log=$build/check/$1.$2.log objects=$objects_of_all new
    [ "$configuration" = x86_64-norseq ] || objects="$objects $objects_with_rseq"
    # shellcheck disable=SC2086 # a list
    if ! check_make "$configuration" -s -j "$jobs" olddefconfig >"$log" 2>&1 ||
        ! check_make "$configuration" -s -j "$jobs" prepare >>"$log" 2>&1 ||
        ! check_make "$configuration" -s -j "$jobs" W=1 "${sparse[@]}" $objects >>"$log" 2>&1; then
        echo "FAILED: $configuration, $step: it does not compile, $log"
        return 1
    fi
    warnings_of "$log" >"$build/check/$configuration.$step.warnings" || true
    new=$(comm -13 "$build/check/$configuration.stock.warnings" "$build/check/$configuration.$step.warnings")
    if [ -n "$new" ]; then
        printf 'FAILED: %s, %s: new warnings\n%s\n' "$configuration" "$step" "$new"
        return 1
    fi
    echo "ok: $configuration, $step"
}

check_all() {
    local configuration patch failed=0
    for configuration in $configurations; do
        if ! check_configure "$configuration" >"$build/check/$configuration.config.log" 2>&1 ||
            ! check_options "$configuration"; then
            echo "FAILED: $configuration: not the configuration that it should be"
            return 1
        fi
        check_step "$configuration" stock || failed=1
    done
    for patch in $(series_patches); do
        say "$(basename "$patch")"
        LC_ALL=C patch --directory "$tree" --strip 1 --forward --fuzz 0 --no-backup-if-mismatch <"$patch" >/dev/null ||
            { say "it does not apply to Linux $version" && return "$([ "$version" = "$series_base" ] && echo 1 || echo 3)"; }
        for configuration in $configurations; do
            check_step "$configuration" "$(basename "$patch" .patch)" || failed=1
        done
    done
    return "$failed"
}

main() {
    read_arguments "$@"
    series_is_there || exit 1
    ensure_packages make gcc libc6-dev flex bison bc patch xz-utils libelf-dev sparse >&2
    [[ $configurations != *arm64* ]] || [ "$(uname -m)" = aarch64 ] || ensure_packages gcc-aarch64-linux-gnu >&2
    sparse=(C=1)
    command -v sparse >/dev/null || { say "there is no sparse here: compilers alone" && sparse=(); }
    mkdir -p "$build/check"
    build=$(cd "$build" && pwd)
    exec 9>"$build/lock"
    flock --nonblock 9 || { say "waiting for another build" && flock 9; }
    find_source "$given_source" amd64 || return
    tree=$slot/check
    rm -rf "$tree"
    cp -al "$(realpath "$slot/stock")" "$tree" 2>/dev/null || cp -a "$(realpath "$slot/stock")" "$tree"
    rm -rf "$tree/.git"
    flock --unlock 9
    check_all
}

main "$@"
