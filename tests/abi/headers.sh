#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# headers.sh gcc|clang INCLUDE-FOLDER: each public header compiles alone, as C11 and as C++20, without a warning; every
# macro compiles in every form, beside whatever macros and warnings a program has; literals that would become something
# else are refused; and where sites are not supported or not wanted the macros compile to nothing.
set -euo pipefail

include=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/target.sh
source "$here/../target.sh"
use_compiler "$1"
if ! command -v "${target_cc[0]}" >/dev/null; then
    echo "skipped: no ${target_cc[0]} here"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strict=(-Wall -Wextra -Wpedantic -Werror "-I$include")
failures=0
checks=0

# check WHAT ARGUMENT...: the compiler accepts it and says nothing.
check() {
    local what=$1
    shift
    checks=$((checks + 1))
    if ! "${target_cc[@]}" "$@" 2>"$work/messages" || [ -s "$work/messages" ]; then
        echo "FAILED: $what"
        cat "$work/messages"
        failures=$((failures + 1))
    fi
}

# No trace of a site in what was compiled, and no reference to the library.
check_nothing_left() {
    checks=$((checks + 1))
    if grep -Eq 'slicepatch_sites|\.note\.slicepatch|slicepatch_object' "$1"; then
        echo "FAILED: $2 leaves something of a site"
        failures=$((failures + 1))
    fi
}

as_c=(-x c -std=c11)
as_cpp=(-x c++ -std=c++20)

while IFS= read -r header; do
    case $header in
    # Not for themselves: arch.h chooses and states the contract.
    slicepatch/arch/*) continue ;;
    esac
    # ISO C wants a declaration, and a header of macros alone has none.
    printf '#include <%s>\nextern int a_declaration;\n' "$header" >"$work/alone.c"
    check "$header as C++20" "${as_cpp[@]}" "${strict[@]}" -fsyntax-only "$work/alone.c"
    case $header in
    *.hpp) ;;
    *)
        for standard in c11 c17 gnu11; do
            check "$header as $standard" -x c "-std=$standard" "${strict[@]}" -fsyntax-only "$work/alone.c"
        done
        ;;
    esac
done < <(cd "$include" && find slicepatch -name '*.h' -o -name '*.hpp' | sort)

for level in -O0 -O2 -Os; do
    for pic in -fPIC -fPIE -fno-pic; do
        for debug in -USLICEPATCH_DEBUG -DSLICEPATCH_DEBUG; do
            what="every macro $level $pic $debug"
            check "$what as C11" "${as_c[@]}" "${strict[@]}" $level $pic $debug -c "$here/every_macro.c" -o "$work/c.o"
            check "$what as C++20" "${as_cpp[@]}" "${strict[@]}" $level $pic $debug -c "$here/every_macro.c" \
                -o "$work/cpp.o"
        done
    done
done
check "the C++ forms" "${as_cpp[@]}" "${strict[@]}" -O2 -fno-exceptions -fno-rtti -c "$here/every_form.cpp" \
    -o "$work/form.o"

# ---- a program's own macros, and its warnings ----
own_words=()
for word in noinline unused cold weak always_inline used constructor visibility tls_model target gnu gnu_inline weakref \
    no_caller_saved_registers hidden diagnose_if ax tp x0 x8; do
    own_words+=("-D$word=__attribute__(($word))")
done
wary=(-pedantic-errors -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align -Wundef -Wmissing-declarations
    -Wredundant-decls -Wdouble-promotion -Wnull-dereference -Wvla)
wary_cpp=(-Wold-style-cast -Wzero-as-null-pointer-constant -Wextra-semi)
if [ "$1" = clang ]; then
    # All but those that no use of extensions can do without, and what comes of words that stand for themselves.
    wary+=(-Weverything -Wno-padded -Wno-declaration-after-statement -Wno-disabled-macro-expansion
        -Wno-unknown-warning-option -Wno-pre-c11-compat -Wno-unsafe-buffer-usage) # the last two of later ones
    wary_cpp+=(-Wno-c++98-compat -Wno-c++98-compat-pedantic)
else
    wary_c=(-Wmissing-prototypes -Wstrict-prototypes -Wnested-externs -Wold-style-definition -Wc++-compat)
fi
for variant in -USLICEPATCH_DEBUG -DSLICEPATCH_DEBUG -DSLICEPATCH_DISABLE; do
    check "every macro of a wary C program, $variant" "${as_c[@]}" "${strict[@]}" "${own_words[@]}" "${wary[@]}" \
        ${wary_c+"${wary_c[@]}"} $variant -O2 -c "$here/every_macro.c" -o "$work/c.o"
    check "every macro of a wary C++ program, $variant" "${as_cpp[@]}" "${strict[@]}" "${own_words[@]}" "${wary[@]}" \
        "${wary_cpp[@]}" $variant -O2 -c "$here/every_macro.c" -o "$work/cpp.o"
    check "inline functions of every linkage, $variant" "${as_c[@]}" "${strict[@]}" "${own_words[@]}" "${wary[@]}" \
        $variant -O2 -c "$here/inline_functions.c" -o "$work/c.o"
done
check "the C++ forms beside a program's own words" "${as_cpp[@]}" "${strict[@]}" "${own_words[@]}" -O2 \
    -c "$here/every_form.cpp" -o "$work/form.o"

# Functions for another CPU than the rest of the file.
printf '#ifdef __x86_64__\n"arch=haswell"\n#else\n"arch=armv8.2-a"\n#endif\n' >"$work/cpu"
another_cpu=$("${target_cc[@]}" -E -P -x c "$work/cpu" | tr -d '\n')
for restriction in "$another_cpu" '"general-regs-only"'; do
    # clang knows the second one for arm64 alone, and as no function's own, which it may say and go on.
    if [ -n "$(echo "__attribute__((target($restriction))) void f(void); void f(void) {}" |
        "${target_cc[@]}" -Werror -x c -c -o "$work/restricted.o" - 2>&1)" ]; then
        continue
    fi
    for level in -O0 -O2; do
        check "marks in a function with target($restriction) $level as C" "${as_c[@]}" "${strict[@]}" $level \
            "-DTARGET=$restriction" -c "$here/inline_functions.c" -o "$work/c.o"
        check "marks in a function with target($restriction) $level as C++" "${as_cpp[@]}" "${strict[@]}" $level \
            "-DTARGET=$restriction" -c "$here/every_form.cpp" -o "$work/cpp.o"
    done
done

# ---- literals ----
# refuse WHAT WORDS FILE ARGUMENT...: the compiler does not accept it, and says so in our words.
refuse() {
    checks=$((checks + 1))
    if "${target_cc[@]}" "${as_c[@]}" "-I$include" -c "${@:3}" -o "$work/c.o" 2>"$work/messages" ||
        ! grep -q "error: .*slicepatch: $2" "$work/messages"; then
        echo "FAILED: $1 is not refused in our words"
        head -5 "$work/messages"
        failures=$((failures + 1))
    fi
}
long=$(printf 'x%.0s' {1..5000})
for label in 'a%2Fb' '{a|b}' 'a|b' 'a}' 'a\nb' 'a\\b' 'a\"b' '%=' "$long"; do
    for macro in ENTER_AS EXIT_AS ENTER_OUTERMOST_AS slicepatch_enabled_as; do
        printf '#include <slicepatch/slicepatch.h>\nvoid f(void);\nvoid f(void) { (void)%s("%s"); }\n' \
            "${macro/#E/SLICEPATCH_E}" "$label" >"$work/label.c"
        refuse "a label ${label:0:10} of $macro" "a label" -O0 "$work/label.c"
    done
done
printf '#include <slicepatch/slicepatch.h>\nvoid f(void);\nvoid f(void) { SLICEPATCH_ENTER(); SLICEPATCH_EXIT(); }\n' \
    >"$work/plain.c"
for folder in 'a%2Fb' '{a|b}' 'a\b'; do
    mkdir -p "$work/$folder"
    cp "$work/plain.c" "$work/$folder/plain.c"
    refuse "the folder $folder" "the name of this file" "$work/$folder/plain.c"
    check "the folder $folder with a name of its own" "${as_c[@]}" "${strict[@]}" '-DSLICEPATCH_FILE=__FILE_NAME__' \
        -c "$work/$folder/plain.c" -o "$work/c.o"
done

# Systems without sites: another kernel, pointers of 32 bits, arm64 with its other byte order; another object format's
# compiler is not at hand.
unsupported=(-U__linux__ -DSLICEPATCH_DISABLE)
# A free-standing header is all that these need; the machine has no libc for them. What another architecture has may be
# ignored, or warned of.
printf '_Static_assert(sizeof(void *) == 4 || __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, "another machine");\n' \
    >"$work/probe.c"
for machine in -mx32 -m32 -mabi=ilp32 -mbig-endian; do
    if "${target_cc[@]}" "$machine" -Werror -ffreestanding -fsyntax-only "$work/probe.c" 2>/dev/null; then
        unsupported+=("$machine")
    fi
done
for switch in "${unsupported[@]}"; do
    what="every macro with $switch"
    check "$what as C11" "${as_c[@]}" "${strict[@]}" "$switch" -ffreestanding -O1 -S "$here/every_macro.c" \
        -o "$work/nothing.s"
    check_nothing_left "$work/nothing.s" "$what"
done
"${target_cc[@]}" "${as_c[@]}" "-I$include" -O1 -S "$here/every_macro.c" -o "$work/something.s"
if ! grep -q slicepatch_sites "$work/something.s"; then
    echo "FAILED: the check for nothing finds nothing where there is something"
    failures=$((failures + 1))
fi
# What is not gcc in spite of what it says has not its asm goto either.
if command -v tcc >/dev/null && [ -z "$target" ]; then
    checks=$((checks + 1))
    if ! tcc "-I$include" -c "$here/every_macro.c" -o "$work/tcc.o" || grep -q slicepatch_sites "$work/tcc.o" ||
        ! tcc "-I$include" "$here/disabled.c" -o "$work/disabled" || ! "$work/disabled"; then
        echo "FAILED: with tcc every macro is nothing, and the functions say so"
        failures=$((failures + 1))
    fi
elif [ -z "$target" ]; then
    echo "there is no tcc here, another compiler than gcc and clang was not tried"
fi
# A compiler that has no attributes at all: where one is left, this is an error. Its own headers may have some.
printf '#include <stddef.h>\n#include <stdint.h>\n#define __attribute__(attribute) @\n#include "%s"\n' \
    "$here/every_macro.c" >"$work/bare.c"
check "every macro without attributes" "${as_c[@]}" "${strict[@]}" -U__GNUC__ -ffreestanding -c "$work/bare.c" \
    -o "$work/c.o"
check "the functions without sites as C++20" "${as_cpp[@]}" "${strict[@]}" -DSLICEPATCH_DISABLE "$here/disabled.c" \
    -o "$work/disabled"
run "$work/disabled" || failures=$((failures + 1))
check "the functions without sites as C11" "${as_c[@]}" "${strict[@]}" -DSLICEPATCH_DISABLE "$here/disabled.c" \
    -o "$work/disabled"
run "$work/disabled" || failures=$((failures + 1))
check "the C++ forms with -U__linux__" "${as_cpp[@]}" "${strict[@]}" -U__linux__ -O2 -c "$here/every_form.cpp" \
    -o "$work/form.o"

echo "$checks checks, $failures failed; without sites: ${unsupported[*]}"
[ "$failures" -eq 0 ]
