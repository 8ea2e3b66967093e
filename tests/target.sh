# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Sourced by scripts that compile programs and run them. Where those are for another machine, CMake names it in the
# environment (tests/CMakeLists.txt): SLICEPATCH_TARGET, what its compilers are named after, and SLICEPATCH_EMULATOR,
# what runs its programs.
#   target, emulator            those two; the second as an array
#   use_compiler gcc|clang      sets the arrays target_cc and target_cxx: how C and C++ are compiled and linked
#   run PROGRAM [ARGUMENT...]   runs a program of the target

# shellcheck disable=SC2034 # for those who source this file
target=${SLICEPATCH_TARGET-}
read -ra emulator <<<"${SLICEPATCH_EMULATOR-}"

# shellcheck disable=SC2034
use_compiler() {
    case $1 in
    gcc)
        target_cc=("${target:+$target-}gcc")
        target_cxx=("${target:+$target-}g++")
        ;;
    clang)
        target_cc=(clang ${target:+"--target=$target"})
        target_cxx=(clang++ ${target:+"--target=$target"})
        ;;
    *)
        echo "unknown compiler $1"
        exit 2
        ;;
    esac
}

run() {
    "${emulator[@]}" "$@"
}
