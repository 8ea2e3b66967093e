/* SPDX-License-Identifier: MIT */
#include "by_hand.h"

struct bench_shared bench_shared = {.mutex = PTHREAD_MUTEX_INITIALIZER};
intptr_t bench_area_offset;
__thread struct slicepatch_rseq bench_stand_in __attribute__((aligned(64))) = {
    .flags = SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED,
};
bool bench_flag_enabled;
void (*bench_enter_pointer)(void);
void (*bench_exit_pointer)(void);

void bench_enter_function(void)
{
    bench_request(bench_area());
}

void bench_exit_function(void)
{
    bench_release(bench_area());
}
