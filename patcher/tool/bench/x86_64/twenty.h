/* SPDX-License-Identifier: MIT */
/* A short section: twenty instructions in four chains, which leaves the CPU something to do in parallel. */
#ifndef SLICEPATCH_BENCH_TWENTY_H
#define SLICEPATCH_BENCH_TWENTY_H

/* In registers that it clobbers, whatever is in them: a compiler would arrange operands for each variant differently. */
#define BENCH_TWENTY_INSTRUCTIONS() \
    __asm__ volatile(".irp register, %%r8, %%r9, %%r10, %%r11\n" \
                     "addq $3, \\register\n" \
                     "rolq $7, \\register\n" \
                     "xorq $5, \\register\n" \
                     "leaq 9(\\register, \\register, 2), \\register\n" \
                     "notq \\register\n" \
                     ".endr\n" \
                     : : : "r8", "r9", "r10", "r11", "memory", "cc")

#endif
