/* SPDX-License-Identifier: MIT */
/* A short section: twenty instructions, four chains of five. */
#ifndef SLICEPATCH_BENCH_TWENTY_H
#define SLICEPATCH_BENCH_TWENTY_H

/*
 * In registers of its own, since a compiler would arrange operands for each variant differently; and each chain starts
 * from a constant, so that sections overlap in the CPU and what the marks add is not hidden behind a latency.
 */
/* clang-format off */
#define BENCH_TWENTY_INSTRUCTIONS() \
    __asm__ volatile(".irp register, %%r8d, %%r9d, %%r10d, %%r11d\n" \
                     "movl $3, \\register\n" \
                     "roll $7, \\register\n" \
                     "xorl $5, \\register\n" \
                     "addl $9, \\register\n" \
                     "notl \\register\n" \
                     ".endr\n" \
                     : : : "r8", "r9", "r10", "r11", "memory", "cc")
/* clang-format on */

#endif
