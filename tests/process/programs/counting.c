/* SPDX-License-Identifier: MIT */
/* What makes it hard to count threads: that they are starting, that the first has ended, that nobody shows them. */
#include "filters.h"
#include "subject.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* crowds=N: two threads start that many each, all of which live on, while this one calls init. */
enum { largest_crowd = 64 };

static atomic_uint starting, living;
static atomic_int stop;

static void *live_on(void *unused)
{
    atomic_fetch_add(&living, 1);
    while (!atomic_load(&stop))
        sched_yield();
    return unused;
}

static void *start_crowd(void *count)
{
    pthread_t members[largest_crowd];
    const uintptr_t wanted = (uintptr_t)count;
    atomic_fetch_add(&starting, 1);
    for (uintptr_t i = 0; i < wanted; ++i)
        if (pthread_create(&members[i], NULL, live_on, NULL))
            broken("pthread_create");
    for (uintptr_t i = 0; i < wanted; ++i)
        pthread_join(members[i], NULL);
    return NULL;
}

static void init_in_crowds(const char *count)
{
    const unsigned wanted = (unsigned)strtoul(count, NULL, 10);
    struct slicepatch_report report = {.size = sizeof report};
    pthread_t starters[2];
    if (wanted > largest_crowd)
        broken("crowds");
    for (int i = 0; i < 2; ++i)
        if (pthread_create(&starters[i], NULL, start_crowd, (void *)(uintptr_t)wanted))
            broken("pthread_create");
    while (!atomic_load(&starting))
        sched_yield();
    if (slicepatch_init(NULL, NULL))
        broken("slicepatch_init");
    while (atomic_load(&living) != 2 * wanted)
        sched_yield();
    if (slicepatch_get_report(&report))
        broken("slicepatch_get_report");
    printf("living=%u\n", 3 + 2 * wanted);
    if (report.threads_missed == SLICEPATCH_THREADS_UNKNOWN)
        printf("accounted=unknown\n");
    else
        printf("accounted=%u\n", report.threads_enabled + report.threads_missed);
    atomic_store(&stop, 1);
    for (int i = 0; i < 2; ++i)
        pthread_join(starters[i], NULL);
}

/* first-ends: the first thread ends, and another one calls init. */
static void *go_on(void *first)
{
    struct slicepatch_report report = {.size = sizeof report};
    pthread_join(*(pthread_t *)first, NULL);
    const int answer = slicepatch_init(NULL, &report);
    printf("answer=%d\nthreads_enabled=%u\nthreads_missed=%u\n", answer, report.threads_enabled, report.threads_missed);
    exit(0);
}

static void end_first(const char *argument)
{
    static pthread_t first;
    pthread_t thread;
    (void)argument;
    first = pthread_self();
    if (pthread_create(&thread, NULL, go_on, &first))
        broken("pthread_create");
    pthread_exit(NULL);
}

/* From here on, no file can be opened. */
static void open_nothing(const char *argument)
{
    const struct rlimit no_files = {0, 0};
    (void)argument;
    if (setrlimit(RLIMIT_NOFILE, &no_files))
        broken("setrlimit");
}

/* From here on, to send a signal by any of these calls ends the process. */
static void send_nothing(const char *argument)
{
    static const long calls[] = {SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo};
    (void)argument;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; ++i)
        if (kill_for(calls[i]))
            unsupported("no seccomp filters here");
}

/* chroot=FOLDER: where there is no /proc, or one that somebody made by hand. */
static void change_root(const char *folder)
{
    if ((geteuid() && unshare(CLONE_NEWUSER)) || chroot(folder) || chdir("/"))
        unsupported("cannot change the root");
}

/* The verbs behind "new-pids" are those of a child that has numbers of its own, and finds the /proc of other ones. */
static void number_anew(const char *argument)
{
    (void)argument;
    if (unshare(CLONE_NEWPID) && (unshare(CLONE_NEWUSER) || unshare(CLONE_NEWPID)))
        unsupported("no namespaces of process numbers here");
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0)
        broken("fork");
    if (child)
        end_as(child);
}

const struct verb counting_verbs[] = {
    {"crowds", init_in_crowds},
    {"first-ends", end_first},
    {"no-files", open_nothing},
    {"no-signals", send_nothing},
    {"chroot", change_root},
    {"new-pids", number_anew},
    {NULL, NULL},
};
