/* SPDX-License-Identifier: MIT */
/*
 * calls: slicepatch_init(), then what a process pays for the guarantee afterwards. Prints: the guarantee, nanoseconds
 * of a system call, microseconds of a thread from its creation until it is joined, microseconds of a fork until its
 * child is reaped. Medians.
 */
#define _GNU_SOURCE
#include <slicepatch/slicepatch.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIMES 101

static double now_ns(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* A call that fails would be a wrong figure. */
static void require(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(2);
    }
}

static double median_ns(void (*call)(void), int calls)
{
    double times[TIMES];
    for (int i = 0; i < TIMES; i++) {
        double begin = now_ns();
        for (int k = 0; k < calls; k++)
            call();
        times[i] = (now_ns() - begin) / calls;
    }
    qsort(times, TIMES, sizeof times[0], compare);
    return times[TIMES / 2];
}

static void call_kernel(void)
{
    (void)syscall(SYS_getppid); /* cannot fail, and libc keeps no copy of its answer */
}

static void *return_at_once(void *data)
{
    return data;
}

static void run_thread(void)
{
    pthread_t thread;
    require(pthread_create(&thread, NULL, return_at_once, NULL) == 0, "pthread_create");
    require(pthread_join(thread, NULL) == 0, "pthread_join");
}

static void run_child(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    require(child > 0 && waitpid(child, &status, 0) == child && status == 0, "fork");
}

int main(void)
{
    struct slicepatch_report report = {.size = sizeof report};
    if (slicepatch_init(NULL, &report) != 0) {
        fprintf(stderr, "calls: %s\n", report.failure);
        return 1;
    }
    double call = median_ns(call_kernel, 200), thread = median_ns(run_thread, 1), child = median_ns(run_child, 1);
    printf("%d %.2f %.3f %.3f\n", report.guarantee, call, thread / 1e3, child / 1e3);
    return 0;
}
