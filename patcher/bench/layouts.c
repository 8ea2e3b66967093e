/* SPDX-License-Identifier: MIT */
/* The names that layouts.cmake gives the variants. */
#include "variants.h"

#define DECLARE(layout) \
    extern const struct bench_variant bench_floor_##layout, bench_compiled_##layout, bench_off_##layout, \
        bench_enabled_##layout, bench_flag_##layout, bench_thread_##layout, bench_pointer_##layout, \
        bench_ifunc_##layout;

/* clang-format off */
#define LIST(layout) \
    {&bench_floor_##layout, &bench_compiled_##layout, &bench_off_##layout, &bench_enabled_##layout, \
     &bench_flag_##layout, &bench_thread_##layout, &bench_pointer_##layout, &bench_ifunc_##layout},

#define EACH(what) what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7)
/* clang-format on */

#pragma GCC visibility push(hidden)
EACH(DECLARE)
#pragma GCC visibility pop

const struct bench_variant *const bench_layouts[BENCH_LAYOUTS][BENCH_VARIANTS] = {EACH(LIST)};
