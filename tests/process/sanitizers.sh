#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# sanitizers.sh COMPILER SANITIZER SOURCE INCLUDE-FOLDER LIBRARY-FOLDER: a program with two threads, built with
# -fsanitize=SANITIZER and linked with either library, runs, and the sanitizer knows the thread that was started.
# Status 77: this machine cannot build or run so.
set -euo pipefail
export LC_ALL=C

compiler=$1
sanitizer=$2
source=$3
include=$4
library=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $compiler -fsanitize=$sanitizer, $how: $*"
    exit 1
}

# Address space randomisation of some kernels leaves no room where these runtimes want it.
echo 'int main(void) { return 0; }' >"$work/probe.c"
if ! "$compiler" "-fsanitize=$sanitizer" "$work/probe.c" -o "$work/probe" >"$work/messages" 2>&1 ||
    ! "$work/probe" >"$work/messages" 2>&1; then
    echo "skipped: $compiler -fsanitize=$sanitizer: $(head -n 1 "$work/messages")"
    exit 77
fi

expected='answer 0, counter 20000, compiled 0'
for how in "$library/libslicepatch.a" "-L$library -Wl,-rpath,$library -lslicepatch"; do
    read -ra libraries <<<"$how"
    "$compiler" -std=c11 -g -O1 "-fsanitize=$sanitizer" "-I$include" "$source" "${libraries[@]}" -pthread \
        -o "$work/program" || fail "it does not build"
    said=$("$work/program" 2>"$work/messages") || {
        cat "$work/messages"
        fail "it does not end well"
    }
    if [ "$said" != "$expected" ] || [ -s "$work/messages" ]; then
        cat "$work/messages"
        fail "it says: $said"
    fi
    [ "$sanitizer" = address ] || continue
    if "$work/program" misbehave >"$work/messages" 2>&1 || ! grep -q 'T1 created by T0 here' "$work/messages"; then
        cat "$work/messages"
        fail "it does not know the thread"
    fi
done
echo "2 programs"
