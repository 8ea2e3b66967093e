#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds slicepatch and shows what it does, on a bare Debian 12 and up, in a few minutes. Run it from anywhere, as often
# as you like. It installs what is missing (and says what), writes to the build folder and to a temporary one.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/build/bin
# shellcheck source=tests/packages.sh
source "$root/tests/packages.sh"

scratch=$(mktemp -d)
background=
step_number=0

stop_background() {
    if [ -n "$background" ]; then
        kill "$background" 2>/dev/null || true # it may have ended by itself
        wait "$background" 2>/dev/null || true
        background=
    fi
}

clean_up() {
    stop_background
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() {
    step_number=$((step_number + 1))
    printf '\n== %d. %s\n   %s\n\n' "$step_number" "$1" "$2"
}

# Prints a command as the user would type it, then runs it.
show() {
    local text="$*"
    text=${text//"$bin/"/}
    printf '$ %s\n' "${text//"$scratch/"/}"
    "$@"
}

# What is shown below; the tests and the other examples take longer than all the rest.
build() {
    cd "$root"
    show cmake --preset release
    show cmake --build --preset release --target slicepatch-tool slicepatch-bench wordcount
}

# Real text that every Debian machine has, else the repository's own; repeated to some megabytes.
make_text() {
    local texts=()
    local text size
    for text in /usr/share/common-licenses/* /usr/share/perl/*/pod/*.pod; do
        if [ -f "$text" ] && [ -r "$text" ] && [ ! -L "$text" ]; then
            texts+=("$text")
        fi
    done
    if [ "${#texts[@]}" -eq 0 ]; then
        texts=("$root"/LICENSE "$root"/include/slicepatch/*.h* "$root"/examples/*.c)
    fi
    cat "${texts[@]}" >"$scratch/once"
    size=$(stat --format=%s "$scratch/once")
    for ((copies = 0; copies * size < 8000000; copies++)); do
        cat "$scratch/once"
    done >"$scratch/text"
    echo "text: ${texts[0]} and $((${#texts[@]} - 1)) other files, $((size / 1000)) kB, $copies times"
}

# The sites of one section, of a dump in a file: WordMap::add() in examples/wordcount/word_map.h.
show_one_section() {
    awk -F '  +' '
        /WordMap<slicepatch/ { printf "  %-14s  %-5s  %-8s  %s\n", $2, $3, $4, $8; sites++ }
        END { exit sites == 0 }' "$1" || cat "$1" # another compiler may have put it elsewhere: then all there is
}

# live KERNEL STATE: starts wordcount on that simulated kernel, and shows its sites once they are in that state.
live() {
    local kernel=$1 state=$2
    local pid_file=$scratch/pid
    local tries
    rm -f "$pid_file"
    # The shell becomes wordcount, so that its number is the one to look at.
    # shellcheck disable=SC2016
    "$bin/slicepatch" sim --kernel "$kernel" -- sh -c 'echo $$ >"$0"; exec "$@"' "$pid_file" \
        "$bin/wordcount" --repeat 1000000 "$scratch/text" >"$scratch/wordcount.out" 2>&1 &
    background=$!
    for ((tries = 0; tries < 100; tries++)); do
        if [ -s "$pid_file" ] &&
            "$bin/slicepatch" dump --pid "$(cat "$pid_file")" >"$scratch/dump" 2>"$scratch/dump.error" &&
            grep -Eq " (enter|exit) +$state " "$scratch/dump"; then
            show_one_section "$scratch/dump"
            stop_background
            return
        fi
        sleep 0.1
    done
    echo "demo: wordcount on the simulated kernel '$kernel' shows no site that is $state:" >&2
    cat "$scratch/wordcount.out" "$scratch/dump.error" >&2
    return 1
}

step "Packages" "What building needs and this machine lacks is installed from the distribution."
ensure_packages "${build_packages[@]}"

step "Build" "The library, the program with its bench, and wordcount; without --target it would be everything."
build

step "Real text, this machine's kernel" \
    "wordcount: more threads than CPUs, one hash map under annotated spinlocks; the last lines are slicepatch's report."
make_text
cd "$scratch"
show "$bin/wordcount" --top 5 --repeat 3 text

step "The same program on a simulated kernel that has the guarantee" \
    "Extensions are granted and given back; --check looks after each section whether it left anything behind."
show "$bin/slicepatch" sim --kernel patched -- "$bin/wordcount" --top 5 --repeat 3 --check text

step "One section in the file" "As compiled: each site jumps to a block that does the work by hand."
"$bin/slicepatch" dump "$bin/wordcount" >"$scratch/dump"
show_one_section "$scratch/dump"

step "The same section in a running process, switched off" \
    "On a kernel without the extension (simulated): nothing is left but no-ops."
live none off

step "The same section in a running process, enabled" \
    "On a kernel with the guarantee (simulated): one store to enter; one shift and one branch to leave."
live patched enabled

step "What it costs" "Each way to mark a section, beside no mark at all; in a few seconds, so the intervals are wide."
show "$bin/slicepatch" bench --quick --parts loops

step "Why this guarantee" "Every precondition on this machine's kernel, and what would raise it."
show "$bin/slicepatch" why

printf '\nNext: examples/minimal.c, README.md, and tests/run.sh for all tests. Took %d s.\n' "$SECONDS"
