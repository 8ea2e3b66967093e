/* SPDX-License-Identifier: MIT */
/*
 * LLVM XRay on x86-64, which patches text for another purpose: __xray_patch() of as many sleds on as
 * many pages as sites.c has sites. Prints microseconds of time and of CPU, page faults. The
 * assembler repeats what `clang -fxray-instrument -S` writes for a function of one
 * instruction (clang 14, records of version 2): the compiler would need 20 s for them.
 * compiler-rt's runtime finds them by xray_instr_map, and patches them by what is there.
 */
#define _GNU_SOURCE
#include "clock.h"
#include "faults.h"

#include <stdio.h>

#ifndef BENCH_PAIRS
#error "BENCH_PAIRS: how many functions"
#endif
#define EXPAND_(x) #x
#define EXPAND(x) EXPAND_(x)

/* clang-format off */
__asm__(
    ".macro bench_record sled, function, kind\n"
    ".pushsection xray_instr_map, \"a\", @progbits\n"
    "1: .quad \\sled - 1b\n"
    ".quad \\function - 1b - 8\n"
    ".byte \\kind, 1, 2\n"
    ".zero 13\n"
    ".popsection\n"
    ".endm\n"

    ".macro bench_function\n"
    ".balign 128, 0xcc\n"
    ".Lbench_function\\@:\n"
    ".byte 0xeb, 0x09\n"
    "nopw 512(%rax,%rax)\n"
    "addl $1, .Lbench_data(%rip)\n"
    ".balign 2\n"
    ".Lbench_exit\\@:\n"
    "retq\n"
    "nopw %cs:512(%rax,%rax)\n"
    "bench_record .Lbench_function\\@, .Lbench_function\\@, 0\n"
    "bench_record .Lbench_exit\\@, .Lbench_function\\@, 1\n"
    ".endm\n"

    ".local .Lbench_data\n"
    ".comm .Lbench_data, 4, 4\n"
    ".text\n"
    ".balign 4096, 0xcc\n"
    ".rept " EXPAND(BENCH_PAIRS) "\n"
    "bench_function\n"
    ".endr\n");
/* clang-format on */

extern int __xray_patch(void); /* <xray/xray_interface.h>, which is C++ */

int main(void)
{
    const int success = 1; /* XRayPatchingStatus */
    int counter = start_faults();
    long faults = read_faults(counter);
    double begin = read_us(CLOCK_MONOTONIC), begin_cpu = read_us(CLOCK_THREAD_CPUTIME_ID);
    int status = __xray_patch();
    double cpu = read_us(CLOCK_THREAD_CPUTIME_ID) - begin_cpu, us = read_us(CLOCK_MONOTONIC) - begin;

    if (status != success) {
        fprintf(stderr, "xray: status %d\n", status);
        return 1;
    }
    printf("%.3f %.3f %ld\n", us, cpu, counter < 0 ? -1 : read_faults(counter) - faults);
    return 0;
}
