/* SPDX-License-Identifier: MIT */
/* The request and its end as a program writes them by hand, once it has decided to make one. */
#ifndef SLICEPATCH_BENCH_BY_HAND_H
#define SLICEPATCH_BENCH_BY_HAND_H

#include "variants.h"

/* Real code has one section per function: nothing that a compiler thinks of a thousand in one file may count. */
#define BENCH_INLINE static inline __attribute__((always_inline))

#define BENCH_BARRIER() __asm__ volatile("" : : : "memory", "cc")

BENCH_INLINE volatile struct slicepatch_rseq *bench_area(void)
{
    return (volatile struct slicepatch_rseq *)(SLICEPATCH_ARCH_THREAD_POINTER() + (unsigned long)bench_area_offset);
}

BENCH_INLINE void bench_request(volatile struct slicepatch_rseq *area)
{
    area->slice_request = 1;
    BENCH_BARRIER();
}

BENCH_INLINE void bench_release(volatile struct slicepatch_rseq *area)
{
    BENCH_BARRIER();
    area->slice_request = 0;
    BENCH_BARRIER();
    if (__builtin_expect(area->slice_granted, 0))
        (void)SLICEPATCH_ARCH_SYSCALL(SLICEPATCH_NR_RSEQ_SLICE_YIELD);
}

#endif
