/* SPDX-License-Identifier: MIT */
/* What the kernel itself says about slice extensions, and what others in the process ask of it. */
#include "filters.h"
#include "subject.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ask(unsigned long operation, unsigned long bits)
{
    return prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, operation, bits, 0, 0) < 0 ? -errno : 0;
}

static int get(void)
{
    const int state = prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET, 0, 0, 0);
    return state < 0 ? -errno : state;
}

static void *on_thread(void *function)
{
    int (*asked)(void);
    *(void **)&asked = function;
    return (void *)(intptr_t)asked();
}

/* The answer here, and on a thread that is started for it. */
static void print_both(const char *name, int (*asked)(void))
{
    pthread_t thread;
    void *function, *answer = NULL;
    *(int (**)(void)) & function = asked;
    if (pthread_create(&thread, NULL, on_thread, function) || pthread_join(thread, &answer))
        broken("pthread_create");
    printf("%s=%d\nthread_%s=%d\n", name, asked(), name, (int)(intptr_t)answer);
}

static int revert(void)
{
    return ask(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET, 0);
}

static int enable(void)
{
    return ask(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET, SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE);
}

static int lock_disabled(void)
{
    return ask(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET, SLICEPATCH_PR_RSEQ_SLICE_EXT_INVARIANT);
}

/* What the kernel honours: the read-only flags in the area that sites use. */
static int flags(void)
{
    volatile struct slicepatch_rseq *area = slicepatch_rseq_();
    return area ? (int)area->flags : -1;
}

static int cpu(void)
{
    return sched_getcpu() >= 0;
}

static void print_state(const char *argument)
{
    (void)argument;
    print_both("state", get);
    print_both("area_flags", flags);
    print_both("cpu", cpu);
}

static void print_revert(const char *argument)
{
    (void)argument;
    print_both("revert", revert);
}

static void print_enable(const char *argument)
{
    (void)argument;
    print_both("enable", enable);
}

static void print_lock_disabled(const char *argument)
{
    (void)argument;
    printf("lock_disabled=%d\n", lock_disabled());
}

/* exec=VERB: this program anew, with that verb. */
static void exec_self(const char *verb)
{
    fflush(stdout);
    execl("/proc/self/exe", "subject", verb, (char *)NULL);
    broken("execl");
}

/* Kills whoever still makes the system call that ends a slice. */
static void kill_yields(const char *argument)
{
    (void)argument;
    if (kill_for(SLICEPATCH_NR_RSEQ_SLICE_YIELD))
        unsupported("no seccomp filters here");
}

const struct verb state_verbs[] = {
    {"state", print_state},
    {"revert", print_revert},
    {"enable", print_enable},
    {"lock-disabled", print_lock_disabled},
    {"exec", exec_self},
    {"kill-yields", kill_yields},
    {NULL, NULL},
};
