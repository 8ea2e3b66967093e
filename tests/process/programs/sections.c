/* SPDX-License-Identifier: MIT */
/* The annotated code: each section counts under a lock of its own, so that a site that does something else shows. */
#include "subject.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static atomic_int locks[5];
static volatile unsigned long counters[5]; /* each guarded by its lock */
static atomic_ulong expected;
static atomic_ulong wrong_answers;

static void acquire(atomic_int *lock)
{
    while (atomic_exchange_explicit(lock, 1, memory_order_acquire))
        sched_yield();
}

static void release(atomic_int *lock)
{
    atomic_store_explicit(lock, 0, memory_order_release);
}

__attribute__((noinline)) void labelled_first(void)
{
    SLICEPATCH_ENTER_AS("first");
    acquire(&locks[0]);
    ++counters[0];
    release(&locks[0]);
    SLICEPATCH_EXIT_AS("first");
}

__attribute__((noinline)) void labelled_second(void)
{
    SLICEPATCH_ENTER_AS("second");
    acquire(&locks[1]);
    ++counters[1];
    release(&locks[1]);
    SLICEPATCH_EXIT_AS("second");
}

__attribute__((noinline)) void plain_one(void)
{
    SLICEPATCH_ENTER();
    acquire(&locks[2]);
    ++counters[2];
    release(&locks[2]);
    SLICEPATCH_EXIT();
}

__attribute__((noinline)) void plain_two(void)
{
    SLICEPATCH_ENTER();
    acquire(&locks[3]);
    ++counters[3];
    release(&locks[3]);
    SLICEPATCH_EXIT();
}

__attribute__((noinline)) void nested(unsigned depth)
{
    SLICEPATCH_ENTER_OUTERMOST();
    if (depth)
        nested(depth - 1);
    else {
        acquire(&locks[4]);
        ++counters[4];
        release(&locks[4]);
    }
    SLICEPATCH_EXIT_OUTERMOST();
}

__attribute__((noinline)) int chooses(void)
{
    return slicepatch_enabled() ? 1 : 0;
}

static volatile sig_atomic_t handled;

__attribute__((noinline)) void in_handler(int number)
{
    (void)number;
    SLICEPATCH_ENTER_AS("handler");
    ++handled;
    SLICEPATCH_EXIT_AS("handler");
}

const char *function_at(uintptr_t address)
{
    static const struct {
        const char *name;
        uintptr_t begin;
    } functions[] = {
        {"plain_one", (uintptr_t)plain_one},
        {"plain_two", (uintptr_t)plain_two},
        {"chooses", (uintptr_t)chooses},
    };
    const char *name = "?";
    uintptr_t nearest = 0;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i)
        if (functions[i].begin <= address && functions[i].begin >= nearest) {
            name = functions[i].name;
            nearest = functions[i].begin;
        }
    return name;
}

void run_every_section(unsigned long times)
{
    for (unsigned long i = 0; i < times; ++i) {
        labelled_first();
        labelled_second();
        plain_one();
        plain_two();
        nested(2);
        const int answer = chooses();
        if (answer != 0 && answer != 1)
            atomic_fetch_add(&wrong_answers, 1);
    }
    atomic_fetch_add(&expected, times);
}

static void run(const char *times)
{
    run_every_section(*times ? strtoul(times, NULL, 10) : 1000);
}

/* counted=yes if no increment was lost so far. */
static void check(const char *argument)
{
    (void)argument;
    int right = atomic_load(&wrong_answers) == 0;
    for (size_t i = 0; i < sizeof counters / sizeof *counters; ++i)
        right = right && counters[i] == atomic_load(&expected);
    printf("counted=%s\nruns=%lu\nchooses=%d\n", right ? "yes" : "no", atomic_load(&expected), chooses());
}

/* From now on a handler runs a section up to 5,000 times a second; until "quiet". */
static void alarms(const char *argument)
{
    (void)argument;
    struct sigaction action = {.sa_handler = in_handler, .sa_flags = SA_RESTART};
    const struct itimerval often = {{0, 200}, {0, 200}};
    if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &often, NULL))
        broken("setitimer");
    while (!handled)
        sched_yield();
}

static void quiet(const char *argument)
{
    (void)argument;
    const struct itimerval never = {{0, 0}, {0, 0}};
    const sig_atomic_t before = handled;
    while (handled == before) /* the patched handler has run too */
        sched_yield();
    setitimer(ITIMER_REAL, &never, NULL);
    printf("handled=%s\n", handled > before ? "yes" : "no");
}

const struct verb section_verbs[] = {
    {"run", run}, {"check", check}, {"alarms", alarms}, {"quiet", quiet}, {NULL, NULL},
};
