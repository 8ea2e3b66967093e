#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's own tests of slice extensions, upstream's and the series', in a virtual machine: the programs are built
# from the patched source, whichever kernel they run on.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: kernel/selftests.sh --arch x86_64|arm64 --kernel stock|patched [options]

  --debug, --kcsan   a kernel that looks for mistakes, as of build.sh
  --runs N           repetitions of each race (default 100), and of the storm of all (50; a fifth for the others)
  --only NAME        of the series' tests, the one of that name, as "storm_of_threads"
  --append ARGUMENTS for the kernel's command line
  --cpus N           default 4
  --timeout S        seconds, default 900
  --source, --series, --build-dir   as for build.sh
  --help             this text

Prints the TAP of the five programs; the last line is the sum of all: "N pass, N fail, N skip".
Exit status: 0 none failed and none is missing; 1 otherwise, or the kernel complained of itself; 2 wrong usage.
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

say() {
    echo "selftests.sh: $*" >&2
}

# shellcheck source=tests/packages.sh
source "$root/tests/packages.sh"
# shellcheck source=kernel/debian.sh
source "$here/debian.sh"
# shellcheck source=kernel/source.sh
source "$here/source.sh"

wrong_usage() {
    say "$1"
    usage >&2
    exit 2
}

read_arguments() {
    arch='' kernel='' runs='' only='' append='' cpus=4 limit=900
    debug=()
    given_source=${SLICEPATCH_KERNEL_SOURCE-}
    # shellcheck disable=SC2034 # for source.sh
    series=$here/patches
    build=${SLICEPATCH_KERNEL_BUILD:-$root/build-kernel}
    while [ $# -gt 0 ]; do
        case $1 in
        --help) usage && exit 0 ;;
        --debug | --kcsan) debug=("$1") ;;
        --arch | --kernel | --runs | --only | --append | --cpus | --timeout | --source | --series | --build-dir)
            [ $# -ge 2 ] || wrong_usage "$1 needs a value"
            case $1 in
            --arch) arch=$2 ;;
            --kernel) kernel=$2 ;;
            --runs) runs=$2 ;;
            --only) only=$2 ;;
            --append) append=$2 ;;
            --cpus) cpus=$2 ;;
            --timeout) limit=$2 ;;
            --source) given_source=$2 ;;
            --series) series=$2 ;;
            --build-dir) build=$2 ;;
            esac
            shift
            ;;
        *) wrong_usage "unknown argument: $1" ;;
        esac
        shift
    done
    [[ $arch =~ ^(x86_64|arm64)$ ]] || wrong_usage "--arch is x86_64 or arm64"
    [[ $kernel =~ ^(stock|patched)$ ]] || wrong_usage "--kernel is stock or patched"
    [[ $runs =~ ^([1-9][0-9]*)?$ ]] || wrong_usage "--runs is a number"
    [[ $only =~ ^[a-z0-9_]*$ ]] || wrong_usage "--only is a test's name"
}

series_tests=(slice_invariant_{table,rules,tasks,races}_test)

# What is run. The table, which is the first, has no tests by name.
choose_tests() {
    running=(slice_test "${series_tests[@]:1}")
    [ -n "$only" ] || running+=("${series_tests[0]}")
}

# Static: the machine's root then needs no library, and libc's own registration can be switched off.
compile() {
    local tree=$slot/patched compiler=gcc name failed=
    local tests=$tree/tools/testing/selftests/rseq
    [ "$(uname -m)" = "${arch/arm64/aarch64}" ] || compiler=${arch/arm64/aarch64}-linux-gnu-gcc
    mkdir -p "$programs"
    if ! make --no-print-directory -C "$tree" O="$programs/headers" ARCH="$arch" headers >"$programs/headers.log" 2>&1; then
        say "the kernel's headers are not made:"
        tail -n 10 "$programs/headers.log" >&2
        return 1
    fi
    local flags=(-O2 -g -Wall -static -isystem "$programs/headers/usr/include" -I "$tests" -I "$tests/.." -I "$tree/tools/include"
        -pthread)
    : >"$programs/cc.log"
    "$compiler" "${flags[@]}" -o "$programs/slice_test" "$tests/slice_test.c" "$tests/rseq.c" 2>>"$programs/cc.log" || failed=1
    for name in "${series_tests[@]}"; do
        "$compiler" "${flags[@]}" -o "$programs/$name" "$tests/$name.c" 2>>"$programs/cc.log" || failed=1
    done
    if [ -n "$failed" ]; then
        say "the tests do not compile:"
        grep -E 'error|undefined' "$programs/cc.log" >&2 || cat "$programs/cc.log" >&2
        return 1
    fi
}

# The programs register areas of their own, so libc must not. One that died has no "Totals:" line.
run_tests() {
    local name commands=${runs:+export SLICE_INVARIANT_RUNS=$runs;} with=()
    for name in "${running[@]}"; do
        with+=(--with "$programs/$name")
        commands+=" $programs/$name"
        [ "$name" = slice_test ] || commands+=${only:+ -t $only}
        commands+=";"
    done
    GLIBC_TUNABLES=glibc.pthread.rseq=0 "$here/vm.sh" --arch "$arch" --kernel "$kernel" "${debug[@]}" \
        ${given_source:+--source "$given_source"} --series "$series" --build-dir "$build" --cpus "$cpus" --timeout "$limit" \
        --append "$append" "${with[@]}" -- sh -c "$commands true"
}

# sum KEY: over all programs.
sum() {
    sed -n "s/^# Totals:.* $1:\([0-9]*\).*/\1/p" "$output" | paste -sd + | sed 's/^$/0/' | bc
}

main() {
    read_arguments "$@"
    mkdir -p "$build"
    build=$(cd "$build" && pwd)
    programs=$build/selftests/$arch
    "$here/build.sh" --arch "$arch" --kernel "$kernel" "${debug[@]}" ${given_source:+--source "$given_source"} \
        --series "$series" --build-dir "$build" >/dev/null
    local packages=(bc make gcc libc6-dev)
    # For the other architecture.
    [ "$(uname -m)" = "${arch/arm64/aarch64}" ] ||
        packages+=("gcc-${arch/arm64/aarch64}-linux-gnu" "libc6-dev-${arch/x86_64/amd64}-cross")
    ensure_packages "${packages[@]//_/-}" >&2
    find_source "$given_source" "${arch/x86_64/amd64}"
    patch_source
    compile
    choose_tests
    output=$(mktemp)
    trap 'rm -f "$output"' EXIT
    local status=0
    run_tests | tee "$output" || status=$?
    local failed
    failed=$(sum fail)
    echo "$(sum pass) pass, $failed fail, $(sum skip) skip"
    [ "$status" -eq 0 ] && [ "$failed" -eq 0 ] && [ "$(grep -c '^# Totals:' "$output")" -eq "${#running[@]}" ]
}

main "$@"
