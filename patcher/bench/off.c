/* SPDX-License-Identifier: MIT */
#include "by_hand.h"

#define BENCH_NAME off
#define BENCH_ENTER() SLICEPATCH_ENTER_AS("bench.off")
#define BENCH_EXIT() SLICEPATCH_EXIT_AS("bench.off")
#include "loops.inc"
