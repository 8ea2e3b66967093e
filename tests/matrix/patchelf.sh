#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# patchelf makes room by moving sections to new segments, and the note with them, whose distances are then wrong. A
# program and a shared object that it has changed still have all their sites, for the library and `slicepatch verify`.
#
#   patchelf.sh LIBRARY-FOLDER INCLUDE-FOLDER PROGRAM-FOLDER
#
# Status 77: there is no patchelf here.
set -euo pipefail
export LC_ALL=C

library=$1
include=$2
programs=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v patchelf >/dev/null || { echo "skipped: there is no patchelf here" && exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

flags=(-O2 "-I$include" "-I$here/program")
gcc -std=gnu11 "${flags[@]}" -fPIC -c "$here/program/c_part.c" -o "$work/c_part.o"
g++ -std=c++20 "${flags[@]}" -fPIC -c "$here/program/cpp_part.cpp" -o "$work/cpp_part.o"
g++ -std=c++20 "${flags[@]}" -fPIC -c "$here/program/other_cpp_part.cpp" -o "$work/other_cpp_part.o"
gcc -std=gnu11 "${flags[@]}" -fPIC -c "$here/program/main.c" -o "$work/main.o"
parts=("$work/c_part.o" "$work/cpp_part.o" "$work/other_cpp_part.o")
far=$work/$(printf 'a-folder-with-a-long-name/%.0s' {1..8})
interpreter=$(patchelf --print-interpreter "$(command -v sh)")

# check WHAT: the program runs, and finds and changes all its sites.
check() {
    local said
    said=$("$work/program") || fail "$1: the program ends with status $?"
    [ "$said" = "counted 0 $sites $sites" ] || fail "$1: $sites sites, and the program says: $said"
    local verdict
    verdict=$("$programs/slicepatch" verify "$work/program" "$work/libparts.so") || fail "$1: $verdict"
    [[ $verdict == "$sites sites in "* ]] || fail "$1: $verdict"
}

moved=0 # how often a note was not where the linker had put it any more
# note_of FILE: the address of its note.
note_of() {
    readelf --sections --wide "$1" | sed -n 's/.*\.note\.slicepatch *NOTE *\([0-9a-f]*\).*/\1/p'
}

# change FILE OPTION...: by patchelf, and checks the program.
change() {
    local file=$1 before
    shift
    before=$(note_of "$file")
    patchelf "$@" "$file"
    [ "$(note_of "$file")" = "$before" ] || moved=$((moved + 1))
    check "$kind, $linker, $(basename "$file"): patchelf ${*%%"$work"*}"
}

for linker in bfd lld; do
    for kind in -pie -no-pie; do
        g++ "-fuse-ld=$linker" -shared "${parts[@]}" -Wl,-soname,libparts.so -o "$work/libparts.so"
        g++ "-fuse-ld=$linker" "$kind" "$work/main.o" "$work/libparts.so" "$library/libslicepatch.so" \
            "-Wl,-rpath,$work:$library" -o "$work/program"
        sites=$("$work/program")
        sites=${sites##* }
        [ "$sites" -gt 0 ] || fail "no sites: $kind, $linker"
        check "$kind, $linker, as linked"
        change "$work/libparts.so" --set-rpath "$far"
        change "$work/libparts.so" --add-needed libm.so.6
        change "$work/program" --set-rpath "$work:$library:$far"
        change "$work/program" --set-interpreter "$(dirname "$interpreter")/$(printf './%.0s' {1..200})$(basename "$interpreter")"
        change "$work/program" --add-needed libm.so.6
    done
done
[ "$moved" -ge 4 ] || fail "patchelf has moved only $moved notes, so that this proves nothing"
echo "$moved notes were moved"
