/* SPDX-License-Identifier: MIT */
#ifndef SLICEPATCH_BENCH_CLOCK_H
#define SLICEPATCH_BENCH_CLOCK_H

#include <time.h>

static double read_us(clockid_t clock)
{
    struct timespec now = {0, 0};

    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

#endif
