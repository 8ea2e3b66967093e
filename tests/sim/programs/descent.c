/* SPDX-License-Identifier: MIT */
/* Children that no wrapper sees, and children that share memory. */
#define _GNU_SOURCE
#include "section.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

static volatile long vfork_get = -1, vfork_set = -1;

static void check_child(pid_t child)
{
    int status = 0;
    CHECK_THAT(waitpid(child, &status, 0) == child);
    CHECK_THAT(status == 0);
}

/* Its first emulated call brings its interrupts back. */
static void check_raw_fork(void)
{
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 1);
        run_until_yields(5);
        _exit(0);
    }
    check_child(child);
}

static void check_plain_fork(void)
{
    pid_t child = _Fork();
    if (child == 0) {
        run_until_yields(5);
        _exit(0);
    }
    check_child(child);
}

/* The child of a vfork has no registration of its own, and must not touch its parent's. */
static void check_vfork(void)
{
    pid_t child = vfork();
    if (child == 0) {
        vfork_get = slice_prctl(OPERATION_GET, 0);
        vfork_set = slice_prctl(OPERATION_SET, 0);
        _exit(0);
    }
    check_child(child);
    CHECK_THAT(vfork_get == 0);
    CHECK_THAT(vfork_set == -ENXIO);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 1);
    run_until_yields(5);
}

static void on_signal(int number)
{
    (void)number;
}

/* As a shell does between vfork and exec: signals go back to what they were at the start. Not those of the parent. */
static void check_vfork_resets_signals(void)
{
    const struct sigaction mine = {.sa_handler = on_signal}, standard = {.sa_handler = SIG_DFL};
    struct sigaction seen;
    sigset_t all, nothing, blocked;
    sigfillset(&all);
    sigemptyset(&nothing);
    CHECK_THAT(sigaction(50, &mine, NULL) == 0 && sigprocmask(SIG_SETMASK, &all, NULL) == 0);
    pid_t child = vfork();
    if (child == 0) {
        if (sigaction(50, &standard, NULL) != 0 || sigprocmask(SIG_SETMASK, &nothing, NULL) != 0)
            _exit(1);
        _exit(0);
    }
    check_child(child);
    CHECK_THAT(sigaction(50, &standard, &seen) == 0 && seen.sa_handler == on_signal);
    CHECK_THAT(sigprocmask(SIG_SETMASK, &nothing, &blocked) == 0 && sigismember(&blocked, 50) == 1);
}

int main(void)
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    check_raw_fork();
    check_plain_fork();
    check_vfork();
    check_vfork_resets_signals();
    return 0;
}
