/* SPDX-License-Identifier: MIT */
/* Four threads, one counter, one spinlock: a critical section marked by hand. */
#include <slicepatch/slicepatch.h>

#include <stdatomic.h>
#include <stdio.h>
#include <threads.h>

static atomic_bool locked;
static long counter;
static int count(void *unused)
{
    for (int i = 0; i < 1000000; i++) {
        SLICEPATCH_ENTER(); /* ask for a longer time slice, before the lock is taken */
        while (atomic_exchange_explicit(&locked, 1, memory_order_acquire)) {
            SLICEPATCH_EXIT(); /* not while waiting: that would only keep the holder off the CPU */
            thrd_yield();
            SLICEPATCH_ENTER();
        }
        counter++;
        atomic_store_explicit(&locked, 0, memory_order_release);
        SLICEPATCH_EXIT(); /* after the lock is free: if the slice was extended, give the CPU back */
    }
    return unused != NULL;
}

int main(void)
{
    struct slicepatch_report report = {.size = sizeof report};
    int error = slicepatch_init(NULL, &report); /* rewrites the sites above, once and for all */

    thrd_t threads[4];
    for (int i = 0; i < 4; i++)
        error |= thrd_create(&threads[i], count, NULL);
    for (int i = 0; i < 4 && error == 0; i++)
        error = thrd_join(threads[i], NULL);

    printf("counter: %ld\n%u of %u sites enabled: %s\n", counter, report.enabled, report.sites, report.reason);
    return error != 0 || counter != 4000000;
}
