/* SPDX-License-Identifier: MIT */
#include "by_hand.h"

#define BENCH_NAME pointer
#define BENCH_ENTER() bench_enter_pointer()
#define BENCH_EXIT() bench_exit_pointer()
#include "loops.inc"
