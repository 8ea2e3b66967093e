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
    __asm__ volatile(".irp register, w9, w10, w11, w12\n" \
                     "mov \\register, #3\n" \
                     "ror \\register, \\register, #25\n" \
                     "eor \\register, \\register, #6\n" \
                     "add \\register, \\register, #9\n" \
                     "mvn \\register, \\register\n" \
                     ".endr\n" \
                     : : : "x9", "x10", "x11", "x12", "memory")
/* clang-format on */

#endif
