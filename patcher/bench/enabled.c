/* SPDX-License-Identifier: MIT */
#include "by_hand.h"

#define BENCH_NAME enabled
#define BENCH_ENTER() SLICEPATCH_ENTER_AS("bench.enabled")
#define BENCH_EXIT() SLICEPATCH_EXIT_AS("bench.enabled")
#include "loops.inc"
