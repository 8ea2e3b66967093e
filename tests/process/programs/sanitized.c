/* SPDX-License-Identifier: MIT */
/* Counts under an annotated lock on two threads. With an argument, the one that was started reads behind a block. */
#include <slicepatch/slicepatch.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_int lock;
static unsigned long counter; /* guarded by lock */
static volatile char seen;

static void *count(void *misbehaves)
{
    for (int i = 0; i < 10000; ++i) {
        SLICEPATCH_ENTER_AS("count");
        while (atomic_exchange_explicit(&lock, 1, memory_order_acquire)) {
            SLICEPATCH_EXIT_AS("count");
            sched_yield();
            SLICEPATCH_ENTER_AS("count");
        }
        ++counter;
        atomic_store_explicit(&lock, 0, memory_order_release);
        SLICEPATCH_EXIT_AS("count");
    }
    if (misbehaves) {
        volatile char *block = malloc(1);
        seen = block[1];
    }
    return NULL;
}

int main(int words, char **word)
{
    struct slicepatch_report report = {.size = sizeof report};
    const int answer = slicepatch_init(NULL, &report);
    pthread_t thread;
    if (pthread_create(&thread, NULL, count, words > 1 ? word[1] : NULL))
        return 1;
    count(NULL);
    pthread_join(thread, NULL);
    printf("answer %d, counter %lu, compiled %u\n", answer, counter, report.compiled);
    return report.sites == 0;
}
