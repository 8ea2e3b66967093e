/* SPDX-License-Identifier: MIT */
/* A section by hand, from the kernel's documentation: what tests the simulator shares no code with the library. */
#ifndef SLICEPATCH_TESTS_SIM_SECTION_H
#define SLICEPATCH_TESTS_SIM_SECTION_H

#include "slicepatch/abi.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define OPERATION_GET SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET
#define OPERATION_SET SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET
#define OPERATION_FEATURES SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_FEATURES
#define BIT_ENABLE ((unsigned long)SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE)
#define BIT_INVARIANT ((unsigned long)SLICEPATCH_PR_RSEQ_SLICE_EXT_INVARIANT)

/* Ends the program with the place of the first thing that is not as it should be. */
// clang-format off
#define CHECK_THAT(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);                  \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)
// clang-format on

/* No loop of a test runs longer; what has not happened by then is missing. */
static const double deadline_seconds = 60;

static inline volatile struct slicepatch_rseq *this_area(void)
{
    return (volatile struct slicepatch_rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* The kernel's answer: what it returns, or -errno. */
static inline long slice_prctl(unsigned long operation, unsigned long argument)
{
    long result = syscall(SYS_prctl, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, operation, argument, 0UL, 0UL);
    return result < 0 ? -errno : result;
}

static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct tally {
    unsigned long grants; /* seen in the granted byte at the end of a section */
    unsigned long yields; /* system call 471 said that it ended a slice */
};

static inline void spin(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++)
        __asm__ volatile("");
}

/* Enter, spin for so many rounds, leave. */
static inline void run_section(unsigned rounds, struct tally *tally)
{
    volatile struct slicepatch_rseq *area = this_area();
    area->slice_request = 1;
    spin(rounds);
    /* In one step, as the library does it: a request that is still there was not granted, and no longer can be. */
    uint8_t untouched = __atomic_exchange_n(&area->slice_request, 0, __ATOMIC_RELAXED);
    uint8_t granted = area->slice_granted;
    CHECK_THAT(!untouched || !granted);
    if (granted) {
        tally->grants++;
        if (syscall(SLICEPATCH_NR_RSEQ_SLICE_YIELD) == 1)
            tally->yields++;
    }
}

static inline void check_nothing_left(void)
{
    CHECK_THAT(this_area()->slice_request == 0);
    CHECK_THAT(this_area()->slice_granted == 0);
}

/* Sections of this thread until so many were granted and yielded. */
static inline void run_until_yields(unsigned long wanted)
{
    struct tally tally = {0, 0};
    double end = seconds_now() + deadline_seconds;
    while ((tally.yields < wanted || tally.grants < wanted) && seconds_now() < end)
        run_section(20000, &tally);
    CHECK_THAT(tally.grants >= wanted);
    CHECK_THAT(tally.yields >= wanted);
    check_nothing_left();
}

#endif
