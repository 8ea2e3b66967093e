/* SPDX-License-Identifier: MIT */
#include "by_hand.h"

/* As programs do it today: each thread finds its area once, and asks there each time whether it is enabled. */
static __thread volatile struct slicepatch_rseq *area;

BENCH_INLINE volatile struct slicepatch_rseq *my_area(void)
{
    if (__builtin_expect(!area, 0))
        area = bench_thread_area();
    return area;
}

BENCH_INLINE void enter(void)
{
    BENCH_BARRIER();
    volatile struct slicepatch_rseq *mine = my_area();
    if (mine->flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED)
        bench_request(mine);
}

/* Clears without a test: after an ENTER of this thread, which found the area. */
BENCH_INLINE void leave(void)
{
    bench_release(area);
}

#define BENCH_NAME thread
#define BENCH_ENTER() enter()
#define BENCH_EXIT() leave()
#include "loops.inc"
