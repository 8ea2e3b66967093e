/* SPDX-License-Identifier: MIT */
#include "by_hand.h"

#define BENCH_NAME floor
#define BENCH_ENTER() BENCH_BARRIER()
#define BENCH_EXIT() BENCH_BARRIER()
#include "loops.inc"
