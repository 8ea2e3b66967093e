# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Sourced by this folder's scripts: a few lines to run a program and to say what it should have done.
#   run COMMAND...      its exit status in $status, its output in $scratch/out and $scratch/err
#   expect_status WHAT N
#   expect_out|expect_err WHAT PATTERN    a line that matches (grep -E); expect_no_err WHAT PATTERN: none
#   expect WHAT COMMAND...                a command that succeeds
#   finish              the count, and the exit status of the test

# It is for programs that this machine cannot run; a virtual machine of their architecture can.
unset SLICEPATCH_EMULATOR

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
checks=0
failures=0
status=0

run() {
    status=0
    "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
}

expect() {
    local what=$1
    shift
    checks=$((checks + 1))
    if ! "$@" >/dev/null 2>&1; then
        failures=$((failures + 1))
        echo "FAILED: $what"
        echo "  status $status"
        sed 's/^/  out: /' "$scratch/out" 2>/dev/null | tail -n 20
        sed 's/^/  err: /' "$scratch/err" 2>/dev/null | tail -n 20
    fi
}

expect_status() {
    expect "$1: exit status $2" [ "$status" -eq "$2" ]
}

expect_out() {
    expect "$1: '$2' on stdout" grep -Eq -- "$2" "$scratch/out"
}

expect_err() {
    expect "$1: '$2' on stderr" grep -Eq -- "$2" "$scratch/err"
}

none_matches() {
    ! grep -Eq -- "$1" "$2"
}

expect_no_err() {
    expect "$1: no '$2' on stderr" none_matches "$2" "$scratch/err"
}

finish() {
    echo "$checks checks, $failures failed"
    [ "$failures" -eq 0 ]
}
