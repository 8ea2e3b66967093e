// SPDX-License-Identifier: MIT
//
// grants WAY: sections that are interrupted, in threads of every origin.
#include "section.h"

#include <csignal>
#include <cstring>
#include <pthread.h>
#include <sys/wait.h>
#include <thread>
#include <threads.h>

static constexpr unsigned long wanted = 50;

static void enable_and_run()
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    run_until_yields(wanted);
}

static void *enable_and_run_posix(void *)
{
    enable_and_run();
    return nullptr;
}

static int enable_and_run_c11(void *)
{
    enable_and_run();
    return 7;
}

static void run_in_main()
{
    enable_and_run();
}

static void run_in_pthread()
{
    pthread_t thread;
    CHECK_THAT(pthread_create(&thread, nullptr, enable_and_run_posix, nullptr) == 0);
    CHECK_THAT(pthread_join(thread, nullptr) == 0);
}

static void run_in_std_thread()
{
    std::thread(enable_and_run).join();
}

static void run_in_thrd()
{
    thrd_t thread;
    int result = 0;
    CHECK_THAT(thrd_create(&thread, enable_and_run_c11, nullptr) == thrd_success);
    CHECK_THAT(thrd_join(thread, &result) == thrd_success);
    CHECK_THAT(result == 7);
}

// One that blocks all that it can, before and after its thread starts, and believes that it did.
static void run_masked()
{
    sigset_t all, seen;
    sigfillset(&all);
    CHECK_THAT(pthread_sigmask(SIG_BLOCK, &all, nullptr) == 0);
    std::thread([&] {
        CHECK_THAT(sigprocmask(SIG_SETMASK, &all, &seen) == 0);
        CHECK_THAT(sigismember(&seen, SIGSYS) == 1 && sigismember(&seen, SIGUSR1) == 1);
        enable_and_run();
    }).join();
    enable_and_run();
}

// Never yields: the slice ends by itself, and no byte is left.
static void run_too_long()
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    volatile slicepatch_rseq *area = this_area();
    double end = seconds_now() + deadline_seconds;
    int expired = 0;
    while (expired < 5 && seconds_now() < end) {
        area->slice_request = 1;
        while (area->slice_request == 1 && seconds_now() < end)
            ;
        while (area->slice_granted == 1 && seconds_now() < end)
            ;
        expired++;
        CHECK_THAT(syscall(SLICEPATCH_NR_RSEQ_SLICE_YIELD) == 0);
    }
    CHECK_THAT(expired == 5);
    check_nothing_left();
}

// A request of a thread that is not enabled is ignored.
static void run_not_enabled()
{
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 0);
    tally tally = {0, 0};
    for (double end = seconds_now() + 0.3; seconds_now() < end;)
        run_section(20000, &tally);
    CHECK_THAT(tally.grants == 0);
    check_nothing_left();
}

// The child inherits the state of the thread that forked, and has interrupts of its own.
static void run_in_fork_child()
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    pid_t child = fork();
    if (child == 0) {
        run_until_yields(wanted); // before any call that would bring the interrupts back
        CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 1);
        std::thread([] { CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 0); }).join();
        _exit(0);
    }
    int status = 0;
    CHECK_THAT(waitpid(child, &status, 0) == child && status == 0);
    run_until_yields(wanted);
}

// Its figures must outlive it.
static void run_and_die()
{
    enable_and_run();
    raise(SIGKILL);
}

static const struct {
    const char *name;
    void (*run)();
} ways[] = {
    {"main", run_in_main},      {"pthread", run_in_pthread}, {"std", run_in_std_thread},
    {"thrd", run_in_thrd},      {"masked", run_masked},      {"long", run_too_long},
    {"unset", run_not_enabled}, {"fork", run_in_fork_child}, {"die", run_and_die},
};

int main(int argc, char **argv)
{
    for (const auto &way : ways) {
        if (argc == 2 && strcmp(argv[1], way.name) == 0) {
            way.run();
            return 0;
        }
    }
    return 2;
}
