/* SPDX-License-Identifier: MIT */
/*
 * Somebody else's lock, annotated from outside: Concurrency Kit's ck_spinlock_t with its headers as they are.
 *
 * ck_spinlock_lock() is not used: a request around it would last for the whole wait, and a waiter's longer slice only
 * keeps the holder off the CPU. So each attempt has a request of its own, and waiting has none.
 */
#include <slicepatch/slicepatch.h>

#include <ck_pr.h>
#include <ck_spinlock.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>

enum { THREADS = 8, INCREMENTS = 500000, SPINS_BEFORE_YIELD = 100 };

static ck_spinlock_t lock = CK_SPINLOCK_INITIALIZER;
static unsigned long counter;

/* lock() and unlock() may be inlined into different functions; the label makes them one group wherever they end up. */
static bool try_lock(void)
{
    SLICEPATCH_ENTER_AS("ck_spinlock");
    if (ck_spinlock_trylock(&lock))
        return true;
    SLICEPATCH_EXIT_AS("ck_spinlock");
    return false;
}

static void wait_for_lock(void)
{
    for (int spins = 0; ck_spinlock_locked(&lock); spins++) {
        if (spins < SPINS_BEFORE_YIELD)
            ck_pr_stall();
        else
            thrd_yield(); /* more threads than CPUs: the holder may be waiting for this one */
    }
}

static void unlock(void)
{
    ck_spinlock_unlock(&lock);
    SLICEPATCH_EXIT_AS("ck_spinlock");
}

static int work(void *unused)
{
    (void)unused;
    for (int i = 0; i < INCREMENTS; i++) {
        while (!try_lock())
            wait_for_lock();
        counter++;
        unlock();
    }
    return 0;
}

static int print_report(void)
{
    struct slicepatch_report report = {.size = sizeof report};
    char text[2048];
    int error = slicepatch_get_report(&report);
    if (error == 0) {
        (void)slicepatch_report_text(&report, text, sizeof text);
        fputs(text, stdout);
    }
    return error;
}

int main(void)
{
    int error = slicepatch_init(NULL, NULL);
    if (error != 0) {
        fprintf(stderr, "ck_spinlock: slicepatch_init: %s\n", strerror(-error));
        return 1;
    }
    thrd_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        if (thrd_create(&thread[i], work, NULL) != thrd_success) {
            fprintf(stderr, "ck_spinlock: cannot start thread %d\n", i);
            return 1;
        }
    }
    for (int i = 0; i < THREADS; i++)
        (void)thrd_join(thread[i], NULL); /* fails only for a thread that is none of ours */

    unsigned long expected = (unsigned long)THREADS * INCREMENTS;
    printf("counter: %lu of %lu\n", counter, expected);
    return print_report() != 0 || counter != expected;
}
