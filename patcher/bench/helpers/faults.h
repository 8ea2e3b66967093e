/* SPDX-License-Identifier: MIT */
/*
 * Page faults of this thread, as the CPU takes them: the kernel's own counter of a process
 * also has those that one call handles for many pages. -1 where nobody may count.
 */
#ifndef SLICEPATCH_BENCH_FAULTS_H
#define SLICEPATCH_BENCH_FAULTS_H

#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Starts to count; a descriptor, or -1. */
static int start_faults(void)
{
    struct perf_event_attr event;

    memset(&event, 0, sizeof event);
    event.size = sizeof event;
    event.type = PERF_TYPE_SOFTWARE;
    event.config = PERF_COUNT_SW_PAGE_FAULTS;
    event.exclude_kernel = 1; /* what an unprivileged process may count */
    event.exclude_hv = 1;
    return (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static long read_faults(int counter)
{
    unsigned long long count = 0;

    return counter >= 0 && read(counter, &count, sizeof count) == (ssize_t)sizeof count ? (long)count : -1;
}

#endif
