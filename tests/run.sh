#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds and tests everything that this machine can, on a bare Debian 12 and up. Installs what is missing and says what.
# The last line is the sum: "N passed, N failed, N skipped"; what was skipped is listed above it, with its reason.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tests/run.sh [--quick | --full | --kernel | --arm64 | --debian [RELEASE]]

Default, 7 minutes on 2 cores and two for packages: a release tree with all tests, and a tree with the address and
undefined-behaviour sanitizers (clang) with the tests that they can watch, and a short fuzz run.

  --quick  the release tree alone, without the matrix of compilers and linkers
  --debian [RELEASE]
           the same in a root of another release of Debian, trixie (13) unless one is named, behind examples/demo.sh;
           10 minutes, and the packages that are needed there. tests/debian.sh runs anything else in it
  --kernel Linux with time slice extensions, stock and with the series of kernel/patches, and the tests that run in
           virtual machines with them; 6 minutes, 20 where no kernel is built yet, and 165 MB of source
  --arm64  a tree for arm64, by a cross compiler: the tests that an emulator of processes can run (qemu-user), and the
           others in virtual machines with the series; adds the architecture arm64 to this machine's packages;
           20 minutes, 30 where no kernel is built yet
  --full   by hand: every compiler x linker x mode of the matrix, 1,000,000 live flips, long fuzzing; about an hour
  --help   this text

Exit status: 0 all passed, 1 a test failed or a tree does not build, 2 wrong usage.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/packages.sh
source "$root/tests/packages.sh"
test_packages=(clang clang-format shellcheck tcc libclang-rt-dev lld mold patchelf gdb binutils valgrind musl-tools)

passed=0
failed=0
skipped=0

# The figure of one attribute of the <testsuite> line that ctest writes.
attribute() {
    sed -n "s/.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p" "$2" | head -n 1
}

add_results() {
    local results=$1 tests failures skips disabled
    # One attribute a line, so that their order does not matter.
    tr ' ' '\n' <"$results" | sed 's/^/ /' >"$results.lines"
    tests=$(attribute tests "$results.lines")
    failures=$(attribute failures "$results.lines")
    skips=$(attribute skipped "$results.lines")
    disabled=$(attribute disabled "$results.lines")
    skipped=$((skipped + skips + disabled))
    failed=$((failed + failures))
    passed=$((passed + tests - failures - skips - disabled))
}

# list_skips RESULTS: the reasons that skipped tests gave; ctest names the tests only.
list_skips() {
    awk '
        /<testcase name="/ {
            name = $0
            sub(/.*<testcase name="/, "", name)
            sub(/" classname=.*/, "", name)
            reason = ""
        }
        /<skipped / {reason = "it gave no reason"}
        reason != "" && match($0, /(skipped|SKIP): .*/) {reason = substr($0, RSTART, RLENGTH)}
        /<\/testcase>/ && reason != "" {
            sub(/^(skipped|SKIP): /, "", reason)
            print "skipped: " name ": " reason
        }' "$1" | sed "s/&apos;/'/g; s/&quot;/\"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g"
}

# jobs PRESET: how many tests at once. A virtual machine has CPUs enough of its own to run.
jobs() {
    case $1 in
    *kernel) echo 1 ;;
    *) nproc ;;
    esac
}

# tree PRESET FOLDER [CTEST-ARGUMENT...]: configures, builds and tests one; what its tests say goes to a file that is
# shown where one fails.
tree() {
    local preset=$1 folder=$2
    local results=$folder/results.xml
    shift 2
    printf '\n== %s\n' "$preset"
    (cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset")
    rm -f "$results"
    # A failing test is counted; one that could not even be run is an error.
    (cd "$root" && ctest --preset "$preset" --parallel "$(jobs "$preset")" --output-junit "$results" "$@") || [ -f "$results" ]
    list_skips "$results"
    add_results "$results"
}

# kernel ARCHITECTURE NAME: builds one. That it cannot be built here, or not from what the archive has today, is a
# counted skip; anything else that goes wrong is a failure.
kernel() {
    local architecture=$1 name=$2 status=0
    "$root/kernel/build.sh" --arch "$architecture" --kernel "$name" || status=$?
    case $status in
    0)
        kernels+=("$name")
        return
        ;;
    3) echo "skipped: the $name kernel for $architecture: the series does not apply to the source that there is" ;;
    4) echo "skipped: the $name kernel for $architecture: there is no source" ;;
    *)
        echo "FAILED: the $name kernel for $architecture is not built"
        failed=$((failed + 1))
        return
        ;;
    esac
    skipped=$((skipped + 1))
}

kernel_tests() {
    kernels=()
    printf '\n== kernels\n'
    kernel x86_64 stock
    kernel x86_64 patched
    if [ "${#kernels[@]}" -eq 0 ]; then
        echo "skipped: all tests in virtual machines: there is no kernel"
        skipped=$((skipped + 1))
        return
    fi
    SLICEPATCH_VM_KERNELS="${kernels[*]}" tree kernel "$root/build"
}

arm64_tests() {
    if [ "$(uname -m)" = aarch64 ]; then
        echo "skipped: the tree for arm64: that is this machine's own, which the default tests build"
        skipped=$((skipped + 1))
        return
    fi
    know_arm64
    ensure_packages "${arm64_packages[@]}"
    tree aarch64 "$root/build-aarch64"
    kernels=()
    printf '\n== kernels\n'
    kernel arm64 patched
    if [ "${#kernels[@]}" -eq 0 ]; then
        echo "skipped: all tests in virtual machines: there is no kernel"
        skipped=$((skipped + 1))
        return
    fi
    SLICEPATCH_VM_KERNELS="${kernels[*]}" tree aarch64-kernel "$root/build-aarch64"
}

quick_tests() {
    tree release "$root/build" --exclude-regex '^matrix'
}

# In there, this script's own last line says what to add.
debian_tests() {
    local status=0 output=$root/build/debian.log
    mkdir -p "$root/build"
    printf '\n== Debian %s\n' "$release"
    # Both of the README's commands, the first where nothing was built yet: what it needs it has to build.
    # shellcheck disable=SC2016 # expanded inside
    "$root/tests/debian.sh" "$release" bash -c '
        examples/demo.sh || echo "FAILED: examples/demo.sh, status $?"
        exec tests/run.sh --quick' 2>&1 | tee "$output" || status=${PIPESTATUS[0]}
    if grep -q '^FAILED: examples/demo.sh' "$output"; then
        failed=$((failed + 1))
    elif [ "$status" -ne 77 ]; then
        passed=$((passed + 1))
    fi
    if [ "$status" -eq 77 ]; then
        echo "skipped: Debian $release: $(sed -n 's/.*skipped: //p' "$output" | tail -n 1)"
        skipped=$((skipped + 1))
    elif [[ $(tail -n 1 "$output") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        skipped=$((skipped + BASH_REMATCH[3]))
    else
        echo "FAILED: Debian $release: it did not get to its end"
        failed=$((failed + 1))
    fi
}

default_tests() {
    tree release "$root/build"
    tree sanitize "$root/build-sanitize"
}

main() {
    local stage=default_tests
    case "${1-}" in
    "") ;;
    --quick) stage=quick_tests ;;
    --debian)
        stage=debian_tests
        release=${2-trixie}
        ;;
    --kernel) stage=kernel_tests ;;
    --arm64) stage=arm64_tests ;;
    --full)
        export SLICEPATCH_MATRIX=full SLICEPATCH_FLIPS=1000000 SLICEPATCH_FUZZ_RUNS=5000000
        ;;
    --help)
        usage
        exit 0
        ;;
    *)
        echo "tests/run.sh: unknown argument: $1" >&2
        usage >&2
        exit 2
        ;;
    esac
    if [ "$stage" != debian_tests ]; then # which need nothing of this machine
        ensure_packages "${build_packages[@]}" "${test_packages[@]}"
    fi
    "$stage"
    printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}

main "$@"
