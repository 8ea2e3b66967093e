/* SPDX-License-Identifier: MIT */
/* Counts under a lock on two threads, and prints the count and what init says. */
#include <slicepatch/slicepatch.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int lock;
static unsigned long counter; /* guarded by lock */

static void *count(void *unused)
{
    for (int i = 0; i < 10000; ++i) {
        SLICEPATCH_ENTER();
        while (atomic_exchange_explicit(&lock, 1, memory_order_acquire)) {
            SLICEPATCH_EXIT();
            sched_yield();
            SLICEPATCH_ENTER();
        }
        ++counter;
        atomic_store_explicit(&lock, 0, memory_order_release);
        SLICEPATCH_EXIT();
    }
    return unused;
}

int main(void)
{
    struct slicepatch_report report = {.size = sizeof report};
    pthread_t thread;
    const int answer = slicepatch_init(NULL, &report);
    if (pthread_create(&thread, NULL, count, NULL))
        return 1;
    count(NULL);
    pthread_join(thread, NULL);
    printf("answer %d, counter %lu, compiled %u\n", answer, counter, report.compiled);
    return report.sites == 0;
}
