// SPDX-License-Identifier: MIT
//
// Threads that speak to the kernel behind all of their key destructors, and threads that end without any: nothing that
// belongs to them is touched later, and what they took is given back.
#include "section.h"

#include <climits>
#include <pthread.h>

static constexpr int rounds = 200, at_once = 10;
static pthread_key_t key;
static thread_local int destructor_rounds = 0;

// As often as POSIX lets it, so that it is later than any destructor that was content with less.
static void enable_at_end(void *value)
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    if (++destructor_rounds < PTHREAD_DESTRUCTOR_ITERATIONS)
        CHECK_THAT(pthread_setspecific(key, value) == 0);
}

static void *end_late(void *)
{
    CHECK_THAT(pthread_setspecific(key, &key) == 0);
    return nullptr;
}

static void *end_abruptly(void *)
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    syscall(SYS_exit, 0);
    return nullptr;
}

// Lines of the process's timers; -1 where the kernel does not tell.
static int count_timers()
{
    FILE *file = fopen("/proc/self/timers", "re");
    if (file == nullptr)
        return -1;
    char line[256];
    int count = 0;
    while (fgets(line, sizeof line, file) != nullptr)
        count += line[0] == 'I' && line[1] == 'D';
    CHECK_THAT(fclose(file) == 0);
    return count;
}

// Stacks that are too large to be kept for the next thread, so that what is touched after the end is not there.
static void run_threads(const pthread_attr_t &attributes, void *(*routine)(void *))
{
    pthread_t threads[at_once];
    for (pthread_t &thread : threads)
        CHECK_THAT(pthread_create(&thread, &attributes, routine, nullptr) == 0);
    for (pthread_t thread : threads)
        CHECK_THAT(pthread_join(thread, nullptr) == 0);
}

int main(int argc, char **)
{
    pthread_attr_t attributes;
    CHECK_THAT(pthread_key_create(&key, enable_at_end) == 0 && pthread_attr_init(&attributes) == 0);
    CHECK_THAT(pthread_attr_setstacksize(&attributes, 64 << 20) == 0);
    for (int round = 0; round < rounds; round++) {
        run_threads(attributes, end_late);
        run_threads(attributes, end_abruptly);
        if (argc > 1) // a state for all threads, at a time when those are gone
            CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE | BIT_INVARIANT) == 0);
    }
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    run_until_yields(5);
    const int timers = count_timers();
    if (timers < 0)
        puts("skipped 1 check: this kernel has no /proc/PID/timers");
    CHECK_THAT(timers <= 256); // of 4,000 threads with two each
    return 0;
}
