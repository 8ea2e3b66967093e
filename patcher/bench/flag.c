/* SPDX-License-Identifier: MIT */
#include "by_hand.h"

/* The flag is true while this runs, and stays true between the marks: nobody may rely on that, so both test it. */
BENCH_INLINE void enter(void)
{
    BENCH_BARRIER();
    if (bench_flag_enabled)
        bench_request(bench_area());
}

BENCH_INLINE void leave(void)
{
    BENCH_BARRIER();
    if (bench_flag_enabled)
        bench_release(bench_area());
}

#define BENCH_NAME flag
#define BENCH_ENTER() enter()
#define BENCH_EXIT() leave()
#include "loops.inc"
