/* SPDX-License-Identifier: MIT */
#include "by_hand.h"

#define BENCH_NAME compiled
#define BENCH_ENTER() SLICEPATCH_ENTER_AS("bench.compiled")
#define BENCH_EXIT() SLICEPATCH_EXIT_AS("bench.compiled")
#include "loops.inc"
