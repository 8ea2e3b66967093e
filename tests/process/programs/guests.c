/* SPDX-License-Identifier: MIT */
/* Processes that share this one's memory, or have a copy of it that libc knows nothing about. */
#include "subject.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a guest was told; volatile, as vfork() has it. */
static volatile int answers[3];
static struct slicepatch_report guest_report = {.size = sizeof guest_report};

static int leave_for_good(const struct slicepatch_site_info *site, void *unused)
{
    (void)site;
    (void)unused;
    _exit(3);
}

static void call_everything(void)
{
    struct slicepatch_report report = {.size = sizeof report};
    answers[0] = slicepatch_init(NULL, &guest_report);
    answers[1] = slicepatch_get_report(&report);
    answers[2] = slicepatch_for_each_site(leave_for_good, NULL);
}

static void print_guest(pid_t child)
{
    int status = 1;
    if (waitpid(child, &status, __WALL) != child)
        broken("waitpid");
    printf("guest_init=%d\nguest_get_report=%d\nguest_visit=%d\nguest_status=%d\n", answers[0], answers[1], answers[2],
           status);
    printf("guest_guarantee=%d\nguest_reason=%s\n", (int)guest_report.guarantee, guest_report.reason);
}

static void init_in_vfork(const char *argument)
{
    (void)argument;
    const pid_t child = vfork();
    if (child < 0)
        broken("vfork");
    if (child == 0) {
        call_everything();
        _exit(0);
    }
    print_guest(child);
}

/* clone-init=N: a child that shares the memory calls init N times while this thread does so too. */
static atomic_int stack_in_use;

static int init_in_clone(void *count)
{
    for (unsigned i = *(const unsigned *)count; i; --i)
        call_everything();
    atomic_store(&stack_in_use, 0);
    return 0;
}

static void init_beside_clone(const char *count)
{
    enum { stack_size = 256 * 1024 };
    char *const stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned wanted = (unsigned)strtoul(count, NULL, 10);
    if (stack == MAP_FAILED)
        broken("mmap");
    atomic_store(&stack_in_use, 1);
    const pid_t child = clone(init_in_clone, stack + stack_size, CLONE_VM | SIGCHLD, &wanted);
    if (child < 0)
        broken("clone");
    unsigned bad = 0, times = 0;
    for (; atomic_load(&stack_in_use) || times < wanted; ++times)
        bad += slicepatch_init(NULL, NULL) != 0;
    print_guest(child);
    printf("bad=%u\n", bad);
}

/* The verbs behind "bare-fork" are those of a child with a copy of the memory, of which libc knows nothing. */
static void fork_barely(const char *argument)
{
    (void)argument;
    fflush(stdout);
    const long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child < 0)
        broken("clone");
    if (child)
        end_as((int)child);
}

/* visit-and-fork: the lock is held at the moment of a fork that nobody announces; the child still can call init. */
static int fork_in_visit(const struct slicepatch_site_info *site, void *unused)
{
    (void)site;
    (void)unused;
    fork_barely("");
    return 1;
}

static void fork_while_locked(const char *argument)
{
    (void)argument;
    if (slicepatch_for_each_site(fork_in_visit, NULL) != 1)
        broken("slicepatch_for_each_site");
}

const struct verb guest_verbs[] = {
    {"vfork-init", init_in_vfork},
    {"clone-init", init_beside_clone},
    {"bare-fork", fork_barely},
    {"bare-fork-while-locked", fork_while_locked},
    {NULL, NULL},
};
