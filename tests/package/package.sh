#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# package.sh CMAKE SOURCE BUILD TOOLCHAIN CC CXX DECODER PKG-CONFIG: installs the build into a folder, moves that
# folder, and uses it from an outside C project and an outside C++ project, by find_package() and by pkg-config.
# TOOLCHAIN is CMake's file for another machine, or empty.
set -euo pipefail
export LC_ALL=C

# What the tree itself is built with; CMake's default, make, need not be there.
export CMAKE_GENERATOR=Ninja
cmake=$1
source=$2
build=$3
toolchain=$4
cc=$5
cxx=$6
decoder_name=$7
pkg_config=$8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/target.sh
source "$here/../target.sh"
mkdir -p "$build/package"
work=$(mktemp -d "$build/package/XXXXXX")
trap 'rm -rf "$work"' EXIT
# The caller's variables would find things, or not, that an outside project's user does not have.
unset DESTDIR CMAKE_PREFIX_PATH PKG_CONFIG_PATH LD_LIBRARY_PATH CFLAGS CXXFLAGS LDFLAGS

fail() {
    echo "FAILED: $*"
    exit 1
}

quietly() {
    "$@" >"$work/messages" 2>&1 || {
        cat "$work/messages"
        fail "$*"
    }
}

expect() {
    local expected=$1 found
    shift
    found=$("$@") || fail "$* ends with status $?"
    [ "$found" = "$expected" ] || fail "$* says: $found"
}

# configure SOURCE BUILD ARGUMENT...
configure() {
    "$cmake" -S "$1" -B "$2" ${toolchain:+"-DCMAKE_TOOLCHAIN_FILE=$toolchain"} "${@:3}"
}

quietly "$cmake" --install "$build" --prefix "$work/first"
mv "$work/first" "$work/moved"
prefix=$work/moved

# As whole paths: a tree in /slicepatch is in no <slicepatch/abi.h>.
if grep -rIlP "(?<![\\w.-])\\Q$work/first\\E|(?<![\\w.-])\\Q$source\\E(?![\\w.-])" "$prefix"/lib* "$prefix"/include; then
    fail "the files above know where they were installed or made"
fi
for file in include/slicepatch/slicepatch.h include/slicepatch/slicepatch.hpp include/slicepatch/site.h \
    include/slicepatch/abi.h include/slicepatch/arch.h include/slicepatch/marks.h; do
    [ -f "$prefix/$file" ] || fail "$file is not installed"
done
[ ! -e "$prefix/libexec/slicepatch-bench" ] || fail "bench is installed, though nobody asked for it"
if [ -x "$prefix/bin/slicepatch" ] && run "$prefix/bin/slicepatch" bench 2>"$work/messages"; then
    fail "slicepatch bench runs what is not installed"
fi
[ ! -s "$work/messages" ] || grep -q SLICEPATCH_INSTALL_BENCH "$work/messages" ||
    fail "slicepatch bench does not say how to install it: $(cat "$work/messages")"
library=$(find "$prefix" -name 'libslicepatch.so')
[ -n "$library" ] || fail "no libslicepatch.so is installed"
if readelf --dynamic --wide "$library" | grep -E 'RPATH|RUNPATH'; then
    fail "the library looks for others in a folder of its own"
fi

says='answer 0, counter 20000, compiled 0'

# ---- CMake ----
quietly configure "$here/c_project" "$work/c" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_C_FLAGS='-Wall -Wextra -Wpedantic -Werror' -DCMAKE_BUILD_TYPE=Release
quietly "$cmake" --build "$work/c"
for program in with_shared with_archive fully_static; do
    expect "$says" run "$work/c/$program"
done
quietly configure "$here/cpp_project" "$work/cpp" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$cxx" \
    -DCMAKE_CXX_FLAGS='-Wall -Wextra -Wpedantic -Werror' -DCMAKE_BUILD_TYPE=Release
quietly "$cmake" --build "$work/cpp"
for program in with_shared with_archive; do
    expect "$says" run "$work/cpp/$program"
done
sed 's/find_package(slicepatch 0.1/find_package(slicepatch 99/' "$here/cpp_project/CMakeLists.txt" \
    >"$work/CMakeLists.txt"
if configure "$work" "$work/newer" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$cxx" \
    >"$work/messages" 2>&1 || ! grep -q 'version: 0.1' "$work/messages"; then
    fail "a version that is not installed is found, or what is there is not said"
fi

if [ -z "$pkg_config" ]; then
    echo "CMake only: no pkg-config here"
    exit 0
fi

# ---- pkg-config ----
pc=$(dirname "$(find "$prefix" -name slicepatch.pc)")
export PKG_CONFIG_PATH=$pc
read -ra flags <<<"$("$pkg_config" --cflags --libs slicepatch)"
lib=$("$pkg_config" --variable=libdir slicepatch)
[ -f "$lib/libslicepatch.so" ] || fail "pkg-config says that the library is in $lib"
quietly "$cc" -std=c11 -O2 "$here/c_project/main.c" "${flags[@]}" -o "$work/pc_c"
quietly "$cxx" -std=c++20 -O2 "$here/cpp_project/main.cpp" "${flags[@]}" -o "$work/pc_cpp"
LD_LIBRARY_PATH=$lib expect "$says" run "$work/pc_c"
LD_LIBRARY_PATH=$lib expect "$says" run "$work/pc_cpp"
read -ra static_flags <<<"$("$pkg_config" --static --cflags --libs slicepatch)"
[ "${#static_flags[@]}" -gt "${#flags[@]}" ] || fail "pkg-config --static says no more than without"
quietly "$cc" -std=c11 -O2 "$here/c_project/main.c" -static "${static_flags[@]}" -o "$work/pc_static"
expect "$says" run "$work/pc_static"
# The archive in a program that is not static, with the decoder or without.
quietly "$cc" -std=c11 -O2 "$here/c_project/main.c" -Wl,-Bstatic "${flags[@]}" -Wl,-Bdynamic -o "$work/pc_archive"
expect "$says" run "$work/pc_archive"
for verifier in "auto assembler" "decoder $decoder_name"; do
    read -r asked verifier <<<"$verifier"
    SLICEPATCH_VERIFY=$asked SLICEPATCH_VERBOSE=1 run "$work/pc_archive" >/dev/null 2>"$work/messages"
    grep -q "proven by $verifier)" "$work/messages" || fail "the archive is not proven by $verifier"
done

# ---- other folders for libraries: a distribution's own, and one that is deeper ----
for layout in "/usr lib/x86_64-linux-gnu" "/opt/some/place lib64" "/usr/local some/deeper/lib"; do
    read -r place folder <<<"$layout"
    quietly configure "$source" "$work/layout" -DCMAKE_INSTALL_PREFIX="$place" -DCMAKE_INSTALL_LIBDIR="$folder" \
        -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
        -DSLICEPATCH_BUILD_TOOL=OFF -DSLICEPATCH_BUILD_EXAMPLES=OFF -DSLICEPATCH_BUILD_TESTS=OFF
    root=$work/root
    mkdir -p "$root$place/$folder/pkgconfig"
    cp "$work/layout/patcher/library/slicepatch.pc" "$root$place/$folder/pkgconfig/"
    for variable in "libdir $folder" "includedir include"; do
        read -r name expected <<<"$variable"
        found=$(PKG_CONFIG_PATH=$root$place/$folder/pkgconfig "$pkg_config" --variable="$name" slicepatch)
        [ "$(realpath -m "$found")" = "$(realpath -m "$root$place/$expected")" ] || fail "$layout: $name is $found"
    done
    rm -rf "$root" "$work/layout"
done
# ---- a distribution's switch: what its pkg-config file and its CMake targets say, and a program that is built so ----
quietly configure "$source" "$work/off" -DSLICEPATCH_DISABLE=ON -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
    -DSLICEPATCH_BUILD_TOOL=OFF -DSLICEPATCH_BUILD_EXAMPLES=OFF -DSLICEPATCH_BUILD_TESTS=OFF
targets=$(find "$work/off" -name slicepatch-targets.cmake)
[ "$(grep -c 'INTERFACE_COMPILE_DEFINITIONS "SLICEPATCH_DISABLE"' "$targets")" = 2 ] ||
    fail "targets of a disabled package do not define SLICEPATCH_DISABLE"
read -ra flags <<<"$(PKG_CONFIG_PATH=$work/off/patcher/library "$pkg_config" --cflags slicepatch)"
quietly "$cc" -std=c11 -O2 "$here/c_project/main.c" "${flags[@]}" "-I$prefix/include" -pthread -o "$work/disabled"
says_nothing=$(run "$work/disabled") && fail "a program without sites has sites"
[ "$says_nothing" = "answer 0, counter 20000, compiled 0" ] || fail "a program without sites says $says_nothing"
echo "11 programs of outside projects ran; 3 layouts"
