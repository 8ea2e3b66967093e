// SPDX-License-Identifier: MIT
//
// A program that wraps thread creation itself, as the library does, and enables each thread before its routine.
#include "section.h"

#include <atomic>
#include <dlfcn.h>
#include <pthread.h>
#include <thread>
#include <threads.h>

static std::atomic<int> wrapped_starts = 0;

template <typename Result> struct Start {
    Result (*routine)(void *);
    void *argument;
};

template <typename Result> static Result enter(void *raw)
{
    auto *start = static_cast<Start<Result> *>(raw);
    Start<Result> copy = *start;
    delete start;
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    wrapped_starts++;
    return copy.routine(copy.argument);
}

extern "C" __attribute__((visibility("default"))) int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument) noexcept
{
    auto next = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
    return next(thread, attributes, enter<void *>, new Start<void *>{routine, argument});
}

extern "C" __attribute__((visibility("default"))) int thrd_create(thrd_t *thread, thrd_start_t routine, void *argument)
{
    auto next = reinterpret_cast<decltype(&thrd_create)>(dlsym(RTLD_NEXT, "thrd_create"));
    return next(thread, enter<int>, new Start<int>{routine, argument});
}

static int run_c11(void *)
{
    run_until_yields(10);
    return 3;
}

int main()
{
    std::thread([] { run_until_yields(10); }).join();
    thrd_t thread;
    int result = 0;
    CHECK_THAT(thrd_create(&thread, run_c11, nullptr) == thrd_success);
    CHECK_THAT(thrd_join(thread, &result) == thrd_success && result == 3);
    CHECK_THAT(wrapped_starts == 2);
    return 0;
}
