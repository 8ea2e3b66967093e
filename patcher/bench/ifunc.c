/* SPDX-License-Identifier: MIT */
#include "by_hand.h"

typedef void mark(void);

/* Runs while the program is relocated: nothing but code may be used here, and no sanitizer is up yet. */
__attribute__((used)) static mark *resolve_enter(void)
{
    return bench_enter_function;
}

__attribute__((used)) static mark *resolve_exit(void)
{
    return bench_exit_function;
}

__attribute__((ifunc("resolve_enter"), visibility("hidden"))) mark bench_ifunc_enter;
__attribute__((ifunc("resolve_exit"), visibility("hidden"))) mark bench_ifunc_exit;

#define BENCH_NAME ifunc
#define BENCH_ENTER() bench_ifunc_enter()
#define BENCH_EXIT() bench_ifunc_exit()
#include "loops.inc"
