/* SPDX-License-Identifier: MIT */
/* Threads that run the sections, that start and end, that call init or enable themselves, or are cancelled; and forks. */
#include "subject.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_threads = 64 };

static pthread_t threads[most_threads];
static unsigned thread_count;
static atomic_uint started;
static atomic_int stop;

static void start(void *(*routine)(void *), unsigned count)
{
    const unsigned wanted = atomic_load(&started) + count;
    for (unsigned i = 0; i < count; ++i)
        if (thread_count == most_threads || pthread_create(&threads[thread_count++], NULL, routine, NULL))
            broken("pthread_create");
    while (atomic_load(&started) != wanted) /* all of them run sections now */
        sched_yield();
}

static unsigned number_of(const char *argument)
{
    return *argument ? (unsigned)strtoul(argument, NULL, 10) : 1;
}

/* volunteer: each hammer enables itself. */
static atomic_int volunteering, worst_volunteer;
static atomic_uint volunteers;

static void *hammer(void *unused)
{
    int has_volunteered = 0;
    run_every_section(10);
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&stop)) {
        run_every_section(10);
        if (atomic_load(&volunteering) && !has_volunteered) {
            has_volunteered = 1;
            const int answer = slicepatch_thread_init();
            if (answer)
                atomic_store(&worst_volunteer, answer);
            atomic_fetch_add(&volunteers, 1);
        }
    }
    return unused;
}

/* Blocked in a system call that no signal is to end: not even a handler that is installed with SA_RESTART. */
static int pipe_ends[2];
static atomic_uint interrupted;

static void *sleep_in_poll(void *unused)
{
    struct pollfd end = {.fd = pipe_ends[0]};
    atomic_fetch_add(&started, 1);
    if (poll(&end, 1, -1) != 1)
        atomic_fetch_add(&interrupted, 1);
    return unused;
}

static void *run_shortly(void *unused)
{
    run_every_section(2);
    return unused;
}

/* Starts threads that end at once, one after the other. */
static void *churn(void *unused)
{
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&stop)) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, run_shortly, NULL))
            broken("pthread_create");
        pthread_join(thread, NULL);
    }
    return unused;
}

static void start_hammers(const char *count)
{
    start(hammer, number_of(count));
}

static void volunteer(const char *argument)
{
    (void)argument;
    const unsigned wanted = atomic_load(&volunteers) + thread_count;
    atomic_store(&volunteering, 1);
    while (atomic_load(&volunteers) != wanted)
        sched_yield();
    atomic_store(&volunteering, 0);
    printf("volunteer=%d\n", atomic_load(&worst_volunteer));
}

static void start_sleepers(const char *count)
{
    if (pipe(pipe_ends))
        broken("pipe");
    start(sleep_in_poll, number_of(count));
}

static void wait_ms(const char *milliseconds)
{
    const unsigned wanted = number_of(milliseconds);
    const struct timespec nap = {wanted / 1000, (long)(wanted % 1000) * 1000000};
    nanosleep(&nap, NULL);
}

static void start_churn(const char *count)
{
    start(churn, number_of(count));
}

static void join(const char *argument)
{
    (void)argument;
    atomic_store(&stop, 1);
    if (pipe_ends[1])
        close(pipe_ends[1]);
    while (thread_count)
        pthread_join(threads[--thread_count], NULL);
    printf("interrupted=%u\n", atomic_load(&interrupted));
    atomic_store(&started, 0);
    atomic_store(&stop, 0);
}

/* together=N: that many threads call init at the same moment. */
static atomic_int gate;
static atomic_int worst_answer;
static atomic_uint most_foreign;

static void *init_at_gate(void *unused)
{
    struct slicepatch_report report = {.size = sizeof report};
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&gate))
        ;
    const int answer = slicepatch_init(NULL, &report);
    if (answer)
        atomic_store(&worst_answer, answer);
    if (report.foreign)
        atomic_store(&most_foreign, report.foreign);
    return unused;
}

static void init_together(const char *count)
{
    start(init_at_gate, number_of(count));
    atomic_store(&gate, 1);
    join("");
    printf("worst_answer=%d\nmost_foreign=%u\n", atomic_load(&worst_answer), atomic_load(&most_foreign));
}

/* The verbs behind "fork" are the child's; the parent only waits for it. */
static void in_child(const char *argument)
{
    (void)argument;
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0)
        broken("fork");
    if (child)
        end_as(child);
}

static void *init_often(void *unused)
{
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&stop))
        (void)slicepatch_init(NULL, NULL);
    return unused;
}

/* busy: a thread is inside init nearly all the time. */
static void start_initialiser(const char *argument)
{
    (void)argument;
    start(init_often, 1);
}

static void check_child(pid_t child, unsigned *bad, unsigned *stuck)
{
    const struct timespec step = {0, 1000000};
    int status = 0;
    for (int waits = 0; waits < 20000; ++waits) { /* 20 s: a child that takes that long waits for ever */
        if (waitpid(child, &status, WNOHANG) == child) {
            *bad += status != 0;
            return;
        }
        nanosleep(&step, NULL);
    }
    ++*stuck;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
}

/* forks=N: that many forks while another thread is inside init nearly all the time; each child calls init. */
static void fork_during_init(const char *count)
{
    unsigned bad = 0, stuck = 0;
    start(init_often, 1);
    for (unsigned i = number_of(count); i > 0 && !stuck; --i) {
        const pid_t child = fork();
        if (child < 0)
            broken("fork");
        if (child == 0) {
            struct slicepatch_report report = {.size = sizeof report};
            const int answer = slicepatch_init(NULL, &report);
            run_every_section(10);
            _exit(answer != 0 || report.foreign != 0);
        }
        check_child(child, &bad, &stuck);
    }
    join("");
    printf("bad_children=%u\nstuck_children=%u\n", bad, stuck);
}

static int call_back(const struct slicepatch_site_info *site, void *data)
{
    struct slicepatch_report report = {.size = sizeof report};
    int *answers = data;
    (void)site;
    answers[0] = slicepatch_get_report(&report);
    answers[1] = slicepatch_init(NULL, NULL);
    return 0;
}

/* visits=N: that many walks over the sites, each visitor asking for the report, while another thread is inside init. */
static void visit_during_init(const char *count)
{
    int answers[2] = {1, 1};
    start(init_often, 1);
    for (unsigned i = number_of(count); i > 0; --i)
        if (slicepatch_for_each_site(call_back, answers))
            broken("slicepatch_for_each_site");
    join("");
    printf("visitor_report=%d\nvisitor_init=%d\n", answers[0], answers[1]);
}

static void init_thread(const char *argument)
{
    (void)argument;
    printf("thread_answer=%d\n", slicepatch_thread_init());
}

const struct verb thread_verbs[] = {
    {"threads", start_hammers},
    {"volunteer", volunteer},
    {"sleepers", start_sleepers},
    {"churn", start_churn},
    {"wait", wait_ms},
    {"join", join},
    {"together", init_together},
    {"fork", in_child},
    {"busy", start_initialiser},
    {"forks", fork_during_init},
    {"visits", visit_during_init},
    {"thread-init", init_thread},
    {NULL, NULL},
};
