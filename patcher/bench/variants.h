/* SPDX-License-Identifier: MIT */
/*
 * What is compared: eight ways to mark a critical section, around the same loops. Each way is a C file of its own that
 * defines BENCH_ENTER() and BENCH_EXIT() and includes loops.inc, so that nothing but the marks differs.
 */
#ifndef SLICEPATCH_BENCH_VARIANTS_H
#define SLICEPATCH_BENCH_VARIANTS_H

#include <slicepatch/slicepatch.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(hidden) /* one program: nothing here is reached through a table */

/* In the order of the report. */
enum bench_variant_index {
    BENCH_FLOOR,    /* no marks, the same compiler barriers */
    BENCH_COMPILED, /* sites that nobody patched */
    BENCH_OFF,      /* sites patched to no-ops */
    BENCH_ENABLED,  /* sites patched to the enabled form */
    BENCH_FLAG,     /* by hand: a global flag, before and after */
    BENCH_THREAD,   /* by hand: the flag in the thread's own rseq area, through a lazily initialised pointer */
    BENCH_POINTER,  /* a pair of global function pointers */
    BENCH_IFUNC,    /* a pair of ifuncs */
    BENCH_VARIANTS
};

enum bench_loop_index {
    BENCH_EMPTY,    /* nothing in the section */
    BENCH_SPINLOCK, /* an uncontended lock, taken by an atomic exchange */
    BENCH_MUTEX,    /* pthread_mutex_lock and _unlock */
    BENCH_TWENTY,   /* twenty arithmetic instructions */
    BENCH_SITES,    /* BENCH_SITE_PAIRS functions, each with a section of its own */
    BENCH_LOOPS
};

#define BENCH_SITE_PAIRS 1000
#define BENCH_SAMPLE_PAIRS 100

struct bench_variant {
    const char *name;
    /* Runs a loop's body so many times; the body of BENCH_SITES is all its functions, once each. */
    void (*run[BENCH_LOOPS])(size_t iterations);
    /* The first BENCH_SAMPLE_PAIRS functions of BENCH_SITES: counting all of them takes seconds. */
    void (*run_sample)(size_t iterations);
};

/* Where the linker happens to put a function decides a few per cent of its time: each variant is there that often. */
#define BENCH_LAYOUTS 8

extern const struct bench_variant *const bench_layouts[BENCH_LAYOUTS][BENCH_VARIANTS];

/* What the loops work on; one for all variants, each member on a cache line of its own. */
struct bench_shared {
    __attribute__((aligned(64))) int lock;
    __attribute__((aligned(64))) pthread_mutex_t mutex;
    __attribute__((aligned(64))) unsigned sites[BENCH_SITE_PAIRS];
};
extern struct bench_shared bench_shared;

/* ---- what the variants read; written once before the first loop runs ------------------------------------------- */

/*
 * The area that every variant uses, from the thread pointer: the thread's rseq area where the kernel extends slices,
 * and bench_stand_in otherwise, so that all of them take the same path as on a kernel that does.
 */
extern intptr_t bench_area_offset;
extern __thread struct slicepatch_rseq bench_stand_in;

extern bool bench_flag_enabled;
extern void (*bench_enter_pointer)(void);
extern void (*bench_exit_pointer)(void);

/* The bodies that function pointers and ifuncs lead to. */
void bench_enter_function(void);
void bench_exit_function(void);

/* First use by a thread: enables it where the kernel can, and returns its area. */
volatile struct slicepatch_rseq *bench_thread_area(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
