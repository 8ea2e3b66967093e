/* SPDX-License-Identifier: MIT */
/*
 * Threads and processes that come and go in every way there is, while the kernel knows an area in the memory of each.
 * All of them move between CPUs: then the kernel writes into the area, and kills for what it does not expect there.
 */
#include "subject.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static unsigned number_of(const char *argument)
{
    return *argument ? (unsigned)strtoul(argument, NULL, 10) : 1;
}

/* To the next CPU, at once. By system calls of our own: a thread without a libc of its own does so too. */
static void move(void)
{
    static atomic_uint next;
    const unsigned long one = 1UL << (atomic_fetch_add(&next, 1) % 2), both = 3;
    syscall(SYS_sched_setaffinity, 0, sizeof one, &one);
    syscall(SYS_sched_setaffinity, 0, sizeof both, &both);
}

/* What the kernel says in this thread's area. */
static int is_enabled(void)
{
    volatile struct slicepatch_rseq *area = slicepatch_rseq_();
    return area && area->flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED && (int32_t)area->cpu_id >= 0;
}

static atomic_uint living, not_enabled;

static void live(void)
{
    if (!is_enabled())
        atomic_fetch_add(&not_enabled, 1);
    for (int i = 0; i < 3; ++i) {
        run_every_section(2);
        move();
    }
}

static void *live_and_return(void *unused)
{
    live();
    atomic_fetch_sub(&living, 1);
    return unused;
}

static void *live_and_exit(void *unused)
{
    live();
    atomic_fetch_sub(&living, 1);
    pthread_exit(unused);
}

static void *live_until_cancelled(void *unused)
{
    live();
    atomic_fetch_sub(&living, 1);
    for (;;)
        pause();
    return unused;
}

static void print_lives(const char *name, unsigned count)
{
    printf("%s=%u\nnot_enabled=%u\n", name, count, atomic_load(&not_enabled));
}

/* joined=N: that many short threads, some at a time; libc gives the memory of the last ones to the next ones. */
static void live_joined(const char *count)
{
    enum { at_once = 8 };
    pthread_t threads[at_once];
    const unsigned wanted = number_of(count);
    for (unsigned done = 0; done < wanted; done += at_once) {
        for (unsigned i = 0; i < at_once; ++i)
            if (pthread_create(&threads[i], NULL, i % 2 ? live_until_cancelled : live_and_return, NULL))
                broken("pthread_create");
        for (unsigned i = 0; i < at_once; ++i)
            if ((i % 2 && pthread_cancel(threads[i])) || pthread_join(threads[i], NULL))
                broken("pthread_join");
    }
    print_lives("joined", wanted);
}

/* detached=N: the same for threads that nobody waits for, so that they give their memory away themselves. */
static void live_detached(const char *count)
{
    enum { at_once = 16 };
    const struct timespec step = {0, 1000000};
    const unsigned wanted = number_of(count);
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    atomic_store(&living, 0);
    for (unsigned i = 0; i < wanted; ++i) {
        pthread_t thread;
        int error;
        while (atomic_load(&living) >= at_once)
            sched_yield();
        atomic_fetch_add(&living, 1);
        while ((error = pthread_create(&thread, &detached, i % 2 ? live_and_exit : live_and_return, NULL)) == EAGAIN)
            nanosleep(&step, NULL); /* the ends of earlier ones are late */
        if (error)
            broken("pthread_create");
    }
    while (atomic_load(&living))
        nanosleep(&step, NULL);
    pthread_attr_destroy(&detached);
    print_lives("detached", wanted);
}

/* tree=N: a thread forks, in its child a new thread does, and so on, N deep. Not beside threads that run sections: a child
 * would inherit locks that nobody there releases. */
static atomic_uint *processes; /* shared by all of them */

static void *fork_deeper(void *levels)
{
    const intptr_t left = (intptr_t)levels;
    live();
    if (!left)
        return NULL;
    const pid_t child = fork();
    if (child < 0)
        broken("fork");
    if (child == 0) {
        pthread_t thread;
        void *bad = NULL;
        live();
        atomic_fetch_add(processes, 1);
        if (pthread_create(&thread, NULL, fork_deeper, (void *)(left - 1)) || pthread_join(thread, &bad))
            _exit(2);
        _exit(bad || atomic_load(&not_enabled));
    }
    int status = 1;
    live();
    return waitpid(child, &status, 0) == child && !status ? NULL : (void *)1;
}

static void fork_tree(const char *levels)
{
    pthread_t thread;
    void *bad = NULL;
    processes = mmap(NULL, sizeof *processes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (processes == MAP_FAILED)
        broken("mmap");
    if (pthread_create(&thread, NULL, fork_deeper, (void *)(intptr_t)number_of(levels)) || pthread_join(thread, &bad))
        broken("pthread_create");
    printf("tree=%u\ntree_bad=%d\nnot_enabled=%u\n", atomic_load(processes), bad != NULL, atomic_load(&not_enabled));
}

/* vforks=N: children that borrow the thread pointer with the memory, and on another CPU ask to be enabled. */
static void live_vforked(const char *count)
{
    static volatile int answer;
    static volatile unsigned bad;
    for (volatile unsigned i = number_of(count); i > 0; --i) {
        int status = 1;
        const pid_t child = vfork();
        if (child < 0)
            broken("vfork");
        if (child == 0) {
            move();
            run_every_section(2);
            answer = slicepatch_thread_init();
            move();
            _exit(0);
        }
        bad += waitpid(child, &status, 0) != child || status;
        live();
    }
    printf("vforks_bad=%u\nvforked_answer=%d\nnot_enabled=%u\n", bad, answer, atomic_load(&not_enabled));
}

/* vfork-exec=VERB, spawn=VERB: this program anew, with that verb. */
static void print_status_of(const char *name, pid_t child)
{
    int status = 1;
    if (waitpid(child, &status, 0) != child)
        broken("waitpid");
    printf("%s=%d\n", name, status);
}

static void vfork_exec(const char *verb)
{
    fflush(stdout);
    const pid_t child = vfork();
    if (child < 0)
        broken("vfork");
    if (child == 0) {
        move();
        execl("/proc/self/exe", "subject", verb, (char *)NULL);
        _exit(127);
    }
    print_status_of("vfork_exec", child);
    live();
}

static void spawn(const char *verb)
{
    char *const arguments[] = {(char *)"subject", (char *)(uintptr_t)verb, NULL};
    pid_t child;
    fflush(stdout);
    if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ))
        broken("posix_spawn");
    print_status_of("spawned", child);
    live();
}

/* ---- threads that libc knows nothing about ---- */

enum { stack_size = 64 * 1024, tls_size = 64 * 1024 };

static atomic_int raw_started, raw_stop, raw_thread; /* the last is cleared by the kernel when the thread has ended */
static atomic_uint raw_turns;

/* raw=twin: with its creator's thread pointer, as clone() without CLONE_SETTLS starts it. Runs no section. */
static int run_as_twin(void *unused)
{
    (void)unused;
    atomic_store(&raw_started, 1);
    while (!atomic_load(&raw_stop)) {
        move();
        atomic_fetch_add(&raw_turns, 1);
    }
    return 0;
}

/* raw=own: with a thread pointer to memory of its own, as a runtime that is not libc's starts it. */
static int run_with_own_tls(void *unused)
{
    (void)unused;
    atomic_store(&raw_started, 1);
    while (!atomic_load(&raw_stop)) {
        run_every_section(2);
        move();
        atomic_fetch_add(&raw_turns, 1);
    }
    return 0;
}

static void start_raw(const char *how)
{
    const int twin = !strcmp(how, "twin");
    char *stack = mmap(NULL, stack_size + tls_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED)
        broken("mmap");
    char *tls = stack + stack_size + tls_size / 2;
    *(char **)(void *)tls = tls; /* points to itself (ELF TLS ABI, variant II) */
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                      CLONE_CHILD_CLEARTID | (twin ? 0 : CLONE_SETTLS);
    int (*const function)(void *) = twin ? run_as_twin : run_with_own_tls;
    atomic_store(&raw_started, 0);
    atomic_store(&raw_stop, 0);
    atomic_store(&raw_turns, 0);
    atomic_store(&raw_thread, 1);
    if (clone(function, stack + stack_size, flags, NULL, NULL, tls, &raw_thread) < 0)
        broken("clone");
    while (!atomic_load(&raw_started))
        sched_yield();
}

/* raw-end: once it has lived for some time beside our own moves. Its memory stays. */
static void end_raw(const char *argument)
{
    (void)argument;
    const unsigned wanted = atomic_load(&raw_turns) + 200;
    while (atomic_load(&raw_turns) < wanted)
        live();
    atomic_store(&raw_stop, 1);
    while (atomic_load(&raw_thread))
        sched_yield();
    printf("raw=ended\nnot_enabled=%u\n", atomic_load(&not_enabled));
}

static void live_here(const char *argument)
{
    (void)argument;
    live();
    printf("not_enabled=%u\n", atomic_load(&not_enabled));
}

/* Whose area the sites use, and whether the kernel still knows libc's. */
static void print_owner(const char *argument)
{
    (void)argument;
    const ptrdiff_t libc_offset = &slicepatch_libc_rseq_offset_ ? slicepatch_libc_rseq_offset_ : 0;
    const char *const thread_pointer = (const char *)SLICEPATCH_ARCH_THREAD_POINTER();
    volatile struct slicepatch_rseq *area = slicepatch_rseq_();
    const volatile struct slicepatch_rseq *libc_area = (const void *)(thread_pointer + libc_offset);
    printf("area=%s\n", !area ? "none" : libc_offset && area == libc_area ? "libc's" : "own");
    printf("libc_area=%s\n", !libc_offset ? "none" : (int32_t)libc_area->cpu_id >= 0 ? "registered" : "left");
}

const struct verb life_verbs[] = {
    {"joined", live_joined},
    {"detached", live_detached},
    {"tree", fork_tree},
    {"vforks", live_vforked},
    {"vfork-exec", vfork_exec},
    {"spawn", spawn},
    {"raw", start_raw},
    {"raw-end", end_raw},
    {"live", live_here},
    {"owner", print_owner},
    {NULL, NULL},
};
