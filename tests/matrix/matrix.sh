#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds one annotated program, of C and C++ parts, in many ways, and checks each: the table names every site of the
# code and nothing else, has no dynamic relocation and a note, and the program runs, finds all its sites and patches
# them. A program, or with MODE shared an object, that includes the header and has no site links too.
#
#   matrix.sh INSPECT LIBRARY-FOLDER INCLUDE-FOLDER COMPILER LINKER MODE LEVEL...
#
# COMPILER gcc|clang, LINKER bfd|gold|lld|mold, MODE pie|no-pie|static|shared|gathered,
# LEVEL -O0 ... -Os or lto, or several flags as in -O2,-masm=intel; each level with and without --gc-sections. MODE
# gathered is pie with the parts from objects, from an archive, a thin archive, and partial links. Status 77: this
# machine cannot link so.
set -euo pipefail
export LC_ALL=C

inspect=$1
library=$2
include=$3
compiler=$4
linker=$5
mode=$6
shift 6
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/target.sh
source "$here/../target.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
use_compiler "$compiler"
# A gcc for another machine looks for linkers that are named after it; lld is one for all.
if [ -n "$target" ] && lld=$(command -v ld.lld); then
    mkdir "$work/linkers"
    ln -s "$lld" "$work/linkers/$target-ld.lld"
    PATH=$PATH:$work/linkers
fi

fail() {
    echo "FAILED: $compiler $linker $mode $level ${sections-}: $*"
    exit 1
}

skip() {
    echo "skipped: $compiler $linker $mode: $*"
    exit 77
}

# What is wrong with a trivial program linked so, which throws as the parts do; empty if nothing is.
try_to_link() {
    local kind=()
    [ "$mode" != static ] || kind=(-static)
    echo 'int main() { try { throw 1; } catch (int) { return 0; } }' >"$work/probe.cpp"
    "${target_cxx[@]}" "-fuse-ld=$linker" "$@" "${kind[@]}" "$work/probe.cpp" -o "$work/probe" 2>&1 ||
        echo "cannot link"
    run "$work/probe" >"$work/messages" 2>&1 || echo "exceptions end a program"
}

# A machine that runs no program of the target has nothing to skip.
check_that_programs_run() {
    echo 'int main(void) { return 0; }' >"$work/plain.c"
    "${target_cc[@]}" "$work/plain.c" -o "$work/plain" || fail "a program that does nothing"
    run "$work/plain" || fail "a program that does nothing ends with $?"
}

check_possible() {
    command -v "${target_cc[0]}" "${target_cxx[0]}" >/dev/null || skip "there is no $compiler here"
    check_that_programs_run
    local messages
    messages=$(try_to_link "$@")
    [ -n "$messages" ] || return 0
    [ "$compiler $linker $level" != "gcc lld lto" ] || skip "lld takes no plug-in, and gcc's lto is one"
    skip "${messages%%$'\n'*}"
}

# compile FLAG...: the parts and main(), into $work.
compile() {
    local flags=(-Wall -Wextra -Wpedantic -Werror "-I$include" "-I$here/program" "$@")
    local part
    for part in c_part main; do
        "${target_cc[@]}" -std=gnu11 "${flags[@]}" -c "$here/program/$part.c" -o "$work/$part.o"
    done
    for part in cpp_part other_cpp_part; do
        "${target_cxx[@]}" -std=c++20 "${flags[@]}" -c "$here/program/$part.cpp" -o "$work/$part.o"
    done
}

parts=("$work/c_part.o" "$work/cpp_part.o" "$work/other_cpp_part.o")
shared_library=("$library/libslicepatch.so" "-Wl,-rpath,$library")

# link FLAG...: what MODE says, into $work/program, and $work/libparts.so if there is one.
link() {
    local linked=("${target_cxx[@]}" "-fuse-ld=$linker" "$@")
    case $mode in
    pie | gathered) "${linked[@]}" -pie "$work/main.o" "${parts[@]}" "${shared_library[@]}" -o "$work/program" ;;
    no-pie) "${linked[@]}" -no-pie "$work/main.o" "${parts[@]}" "${shared_library[@]}" -o "$work/program" ;;
    static) "${linked[@]}" -static "$work/main.o" "${parts[@]}" "$library/libslicepatch.a" -o "$work/program" ;;
    shared)
        # The toolchain's own parts need not have landing pads, and the whole promises what all of it has.
        "${linked[@]}" -shared ${pads:+-nostartfiles} "${parts[@]}" -o "$work/libparts.so"
        "${linked[@]}" -pie "$work/main.o" "$work/libparts.so" "-Wl,-rpath,$work" "${shared_library[@]}" \
            -o "$work/program"
        ;;
    esac
}

# link_without_sites FLAG...: the header alone must not ask for what only sites bring.
link_without_sites() {
    local language kind=()
    local libraries=("${shared_library[@]}")
    case $mode in
    pie | gathered) kind=(-pie) ;;
    no-pie) kind=(-no-pie) ;;
    static) kind=(-static) libraries=("$library/libslicepatch.a") ;;
    shared) kind=(-shared) ;;
    esac
    for language in c c++; do
        local driver=("${target_cc[@]}")
        [ "$language" = c ] || driver=("${target_cxx[@]}")
        "${driver[@]}" "-fuse-ld=$linker" "-I$include" "$@" "${kind[@]}" -x "$language" \
            "$here/program/without_sites.c" -x none "${libraries[@]}" -o "$work/without_sites" || fail "no program without sites as $language"
        [ "$mode" = shared ] || run "$work/without_sites" || fail "a program without sites, as $language, ends with $?"
    done
}

# gather HOW: sets parts, to one file where that can be.
gather() {
    local -r prefix=${target:+$target-} objects=("$work/c_part.o" "$work/cpp_part.o" "$work/other_cpp_part.o")
    parts=("$work/parts_$1.o")
    case $1 in
    archive) parts=("$work/parts.a") && "${prefix}ar" rcs "${parts[0]}" "${objects[@]}" ;;
    thin) parts=("$work/thin.a") && "${prefix}ar" rcsT "${parts[0]}" "${objects[@]}" ;;
    bfd | gold) "${prefix}ld.$1" -r "${objects[@]}" -o "${parts[0]}" ;;
    lld) ld.lld -r "${objects[@]}" -o "${parts[0]}" ;;
    mold) # 1.10 does not read the unwind tables of C++ again that it has written so
        mold -r "${objects[0]}" -o "${parts[0]}"
        parts+=("${objects[@]:1}")
        ;;
    esac
}

# check_gathered EXPECTED FLAG...: no way of gathering the parts costs a record. A partial link may keep what nobody
# calls.
check_gathered() {
    local -r expected=$1 objects=("${parts[@]}")
    shift
    local how
    for how in archive thin bfd "$linker"; do
        gather "$how" || fail "cannot gather the parts: $how"
        link "$@"
        check_file "$work/program"
        check_rules "$work/program" "$work/program"
        [ "$records" -ge "$expected" ] || fail "$records sites of $expected are left: $how"
        check_run "$records"
    done
    parts=("${objects[@]}")
}

# What is vendored in one object with its symbols made local has a state and a note of its own.
check_vendored() {
    local -r objects=("${parts[@]}") vendored=$work/vendored.o prefix=${target:+$target-}
    local how
    for how in "" --force-group-allocation; do
        "${prefix}ld.bfd" -r ${how:+"$how"} "$work/c_part.o" -o "$vendored"
        "${prefix}objcopy" --keep-global-symbol=run_c_part "$vendored"
        parts=("$vendored" "$work/cpp_part.o" "$work/other_cpp_part.o")
        link "$@"
        check_file "$work/program"
        [ "$notes" -ge 2 ] || fail "what is vendored has lost its note"
        check_run "$records"
    done
    parts=("${objects[@]}")
}

# check_file FILE: sets records and notes, and adds to branches and unused.
check_file() {
    local found some_branches some_unused relocations
    found=$(run "$inspect" "$1") || fail "$(basename "$1"): $found"
    read -r _ records _ some_branches _ some_unused _ notes _ relocations <<<"$found"
    branches=$((branches + some_branches))
    unused=$((unused + some_unused))
    [ "$notes" -ge 1 ] || fail "$(basename "$1") has no note"
    [ "$relocations" -eq 0 ] || fail "$(basename "$1") has $relocations dynamic relocations in its table"
    [ "$records" -gt 0 ] || fail "$(basename "$1") has no sites"
}

# The library, in the process, and the program, in these files of it, say the same. Nothing can be preloaded into a
# static program, nor under an emulator.
check_rules() {
    [ "$mode" != static ] && [ "${#emulator[@]}" -eq 0 ] || return 0
    local said
    said=$("$(dirname "$inspect")/rules_compare" "$library/librules_printer.so" "$@") || fail "$said"
    [ "$said" = "$records sites in ${said#* sites in }" ] || fail "of $records sites: $said"
    [[ $said == *", 0 troubles" ]] || fail "$said"
}

check_run() {
    local expected=$1 said
    said=$(run "$work/program") || fail "the program ends with status $?"
    [ "$said" = "counted 0 $expected $expected" ] || fail "$expected records, and the program says: $said"
}

# Where the CPU checks that indirect jumps end at landing pads, it does so in objects that promise to have them, and has
# done so in the run before. The emulated CPU does: there an object that breaks its promise has to end the program.
check_landing_pads() {
    if ! readelf --notes --wide "$work/libparts.so" | grep -Eq 'BTI|IBT'; then
        [ "$linker" = gold ] || fail "libparts.so promises no landing pads" # gold drops that note of arm64
        return 0
    fi
    [ "${#emulator[@]}" -gt 0 ] && [ -z "$sections" ] || return 0
    compile -O2 "${place[@]}"
    link -Wl,-z,force-bti 2>"$work/messages" # linkers warn of exactly that
    local status=0
    run "$work/program" >"$work/messages" 2>&1 || status=$?
    [ "$status" -eq $((128 + $(kill -l ILL))) ] || fail "without landing pads the program ends with status $status"
}

case $mode in
pie | gathered) place=(-fPIE) ;;
no-pie | static) place=(-fno-pie) ;;
shared) place=(-fPIC) ;;
*) echo "unknown mode $mode" && exit 2 ;;
esac

built=0
for level in "$@"; do
    IFS=, read -ra optimisation <<<"$level"
    [ "$level" != lto ] || optimisation=(-O2 -flto)
    pads=
    [[ $level != *-protection=* ]] || pads=yes
    check_possible "${optimisation[@]}"
    sections=
    link_without_sites "${optimisation[@]}" "${place[@]}"
    for sections in "" --gc-sections; do
        separate=()
        collect=()
        if [ -n "$sections" ]; then
            separate=(-ffunction-sections -fdata-sections)
            collect=("-Wl,$sections")
        fi
        compile "${optimisation[@]}" "${place[@]}" "${separate[@]}"
        link "${optimisation[@]}" "${collect[@]}"
        total=0
        branches=0
        unused=0
        for file in "$work/program" "$work/libparts.so"; do
            [ -e "$file" ] || continue
            check_file "$file"
            check_rules "$work/program" "$file"
            total=$((total + records))
        done
        check_run "$total"
        [ -z "$pads" ] || [ "$mode" != shared ] || check_landing_pads
        [ "$branches" -ge 2 ] || fail "$branches branches are left of 2 or more"
        # The table keeps what it names, and with it what nobody calls; lld alone drops both together. So does an
        # optimiser that sees the whole program.
        expected_unused=4
        [ "$linker" != lld ] || [ -z "$sections" ] || expected_unused=0
        [ "$level" = lto ] || [ "$unused" -eq "$expected_unused" ] ||
            fail "$unused sites that nobody calls are left, not $expected_unused"
        if [ "$mode" = gathered ]; then
            check_gathered "$total" "${optimisation[@]}" "${collect[@]}"
            check_vendored "${optimisation[@]}" "${collect[@]}"
        fi
        built=$((built + 1))
        echo "$compiler $linker $mode $level ${sections:-(all sections)}: $total sites"
        rm -f "$work/program" "$work/libparts.so"
    done
done
echo "$built programs"
