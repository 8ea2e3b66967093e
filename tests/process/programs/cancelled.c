/* SPDX-License-Identifier: MIT */
/* Threads that are cancelled while they are inside the library; afterwards it has to serve others, and forks. */
#include "subject.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void be_cancellation_point(void)
{
    const struct timespec moment = {0, 1000};
    nanosleep(&moment, NULL);
}

static int visit_and_wait(const struct slicepatch_site_info *site, void *unused)
{
    (void)site;
    (void)unused;
    be_cancellation_point();
    return 0;
}

static void call_init(void)
{
    (void)slicepatch_init(NULL, NULL);
}

static void call_report(void)
{
    struct slicepatch_report report = {.size = sizeof report};
    (void)slicepatch_get_report(&report);
}

static void call_visit(void)
{
    (void)slicepatch_for_each_site(visit_and_wait, NULL);
}

static void call_thread_init(void)
{
    (void)slicepatch_thread_init();
}

static void *do_nothing(void *unused)
{
    return unused;
}

static void call_start(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, do_nothing, NULL) || pthread_detach(thread))
        broken("pthread_create");
}

static void call_fork(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    if (waitpid(child, NULL, 0) != child)
        broken("fork");
    pthread_setcancelstate(state, NULL);
}

static const struct {
    const char *name;
    void (*run)(void);
} calls[] = {{"init", call_init},   {"report", call_report}, {"visit", call_visit}, {"thread-init", call_thread_init},
             {"start", call_start}, {"fork", call_fork}};

static void (*find_call(const char *name))(void)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; ++i)
        if (!strcmp(calls[i].name, name))
            return calls[i].run;
    broken(name);
}

/* cancelled=CALL: by a thread whose cancellation waits for the first cancellation point. */
static atomic_uint returned;

static void *call_when_cancelled(void *name)
{
    void (*const call)(void) = find_call(name);
    pthread_cancel(pthread_self());
    call();
    atomic_fetch_add(&returned, 1);
    be_cancellation_point();
    return NULL;
}

static void cancel_before(const char *name)
{
    pthread_t thread;
    void *result = NULL;
    atomic_store(&returned, 0);
    if (pthread_create(&thread, NULL, call_when_cancelled, (void *)(uintptr_t)name) || pthread_join(thread, &result))
        broken("pthread_create");
    printf("returned=%u\nended=%s\n", atomic_load(&returned), result == PTHREAD_CANCELED ? "cancelled" : "returned");
}

/* cancelled-anywhere=CALL: at some instruction or other, many times. */
static atomic_uint begun;

static void *call_again_and_again(void *name)
{
    void (*const call)(void) = find_call(name);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (;;) {
        atomic_fetch_add(&begun, 1);
        call();
    }
    return NULL;
}

static void cancel_anywhere(const char *name)
{
    enum { rounds = 100 };
    unsigned cancelled = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        pthread_t thread;
        void *result = NULL;
        atomic_store(&begun, 0);
        if (pthread_create(&thread, NULL, call_again_and_again, (void *)(uintptr_t)name))
            broken("pthread_create");
        while (atomic_load(&begun) < 3)
            sched_yield();
        for (volatile unsigned i = 0; i < round * 200; ++i)
            ;
        if (pthread_cancel(thread) || pthread_join(thread, &result))
            broken("pthread_cancel");
        cancelled += result == PTHREAD_CANCELED;
    }
    printf("ended=%s\n", cancelled == rounds ? "cancelled" : "returned");
}

const struct verb cancelled_verbs[] = {
    {"cancelled", cancel_before},
    {"cancelled-anywhere", cancel_anywhere},
    {NULL, NULL},
};
