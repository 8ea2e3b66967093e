/* SPDX-License-Identifier: MIT */
/* A program that knows nothing of slicepatch, and an object that it needs does. First argument: the kernel's answer. */
#include "filters.h"

#include <slicepatch/slicepatch.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>

int plugin_init(struct slicepatch_report *report);
unsigned long plugin_run(unsigned long times);

static void *run(void *unused)
{
    plugin_run(100);
    return unused;
}

static int run_c11(void *unused)
{
    (void)unused;
    plugin_run(100);
    return 0;
}

int main(int count, char **words)
{
    struct slicepatch_report report = {.size = sizeof report};
    pthread_t thread;
    thrd_t c11_thread;
    if (count != 2 || fake_slice_kernel(atoi(words[1])) || fake_yield(0)) {
        printf("unsupported=no seccomp filters here\n");
        return 77;
    }
    printf("answer=%d\n", plugin_init(&report));
    if (pthread_create(&thread, NULL, run, NULL) || pthread_join(thread, NULL) ||
        thrd_create(&c11_thread, run_c11, NULL) != thrd_success || thrd_join(c11_thread, NULL) != thrd_success)
        return 1;
    printf("counted=%s\n", plugin_run(1) == 201 ? "yes" : "no");
    printf("again=%d\n", plugin_init(&report));
    printf("guarantee=%d\nenabled=%u\ncompiled=%u\nthreads_enabled=%u\n", (int)report.guarantee, report.enabled,
           report.compiled, report.threads_enabled);
    printf("threads_missed=%s\nfailure=%s\n",
           report.threads_missed == SLICEPATCH_THREADS_UNKNOWN ? "unknown"
           : report.threads_missed                             ? "some"
                                                               : "0",
           report.failure);
    return 0;
}
