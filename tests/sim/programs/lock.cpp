// SPDX-License-Identifier: MIT
//
// lock STATE: what the series guarantees, seen by threads of before and after, by a child, and by exec.
#include "section.h"

#include <atomic>
#include <cstring>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <threads.h>

static constexpr unsigned long both = BIT_ENABLE | BIT_INVARIANT;
static constexpr uint32_t locked_flags = SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE |
                                         SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED |
                                         SLICEPATCH_RSEQ_FLAG_SLICE_EXT_INVARIANT;

static void check_locked_enabled()
{
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == static_cast<long>(both));
    CHECK_THAT(slice_prctl(OPERATION_SET, 0) == -EPERM);
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_INVARIANT) == -EPERM);
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    CHECK_THAT(slice_prctl(OPERATION_SET, both) == 0);
    CHECK_THAT(slice_prctl(OPERATION_SET, both | 8) == -EINVAL);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == static_cast<long>(both));
    CHECK_THAT(this_area()->flags == locked_flags);
    run_until_yields(5);
}

static void check_locked_disabled()
{
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == static_cast<long>(BIT_INVARIANT));
    CHECK_THAT(slice_prctl(OPERATION_SET, 0) == 0);
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_INVARIANT) == 0);
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == -EPERM);
    CHECK_THAT(slice_prctl(OPERATION_SET, both) == -EPERM);
    CHECK_THAT(this_area()->flags ==
               (SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE | SLICEPATCH_RSEQ_FLAG_SLICE_EXT_INVARIANT));
    tally tally = {0, 0};
    for (double end = seconds_now() + 0.2; seconds_now() < end;)
        run_section(20000, &tally);
    CHECK_THAT(tally.grants == 0);
}

static void check_child(void (*check)())
{
    pid_t child = fork();
    if (child == 0) {
        check();
        std::thread(check).join();
        _exit(0);
    }
    int status = 0;
    CHECK_THAT(waitpid(child, &status, 0) == child && status == 0);
}

// The point of it all: threads that never say a word.
static void check_silent_threads()
{
    std::thread([] { run_until_yields(5); }).join();
    thrd_t thread;
    CHECK_THAT(thrd_create(
                   &thread, [](void *) { return run_until_yields(5), 0; }, nullptr) == thrd_success);
    CHECK_THAT(thrd_join(thread, nullptr) == thrd_success);
}

// exec starts afresh.
static void check_exec(char *program)
{
    char state[] = "unlocked";
    char *arguments[] = {program, state, nullptr};
    pid_t child = 0;
    int status = 0;
    CHECK_THAT(posix_spawn(&child, program, nullptr, nullptr, arguments, environ) == 0);
    CHECK_THAT(waitpid(child, &status, 0) == child && status == 0);
}

// Locks with a thread that exists already, and one that comes later.
static void lock_and_check(unsigned long state, void (*check)())
{
    std::atomic<bool> locked = false;
    std::thread before([&] {
        while (!locked)
            std::this_thread::yield();
        check();
    });
    CHECK_THAT(slice_prctl(OPERATION_SET, state) == 0);
    locked = true;
    before.join();
    check();
    std::thread(check).join();
    check_child(check);
}

// Nothing that was set up is taken away.
static void check_busy()
{
    std::atomic<int> step = 0;
    std::thread enabled([&] {
        CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
        step = 1;
        while (step != 2)
            std::this_thread::yield();
        CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 1);
    });
    while (step != 1)
        std::this_thread::yield();
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_INVARIANT) == -EBUSY);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 0);
    step = 2;
    enabled.join();
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_INVARIANT) == 0); // it has ended
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    if (strcmp(argv[1], "unlocked") == 0) {
        CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 0);
        CHECK_THAT(this_area()->flags == SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE);
    } else if (strcmp(argv[1], "enabled") == 0) {
        lock_and_check(both, check_locked_enabled);
        check_silent_threads();
        check_exec(argv[0]);
    } else if (strcmp(argv[1], "disabled") == 0) {
        lock_and_check(BIT_INVARIANT, check_locked_disabled);
    } else if (strcmp(argv[1], "busy") == 0) {
        check_busy();
    } else {
        return 2;
    }
    return 0;
}
