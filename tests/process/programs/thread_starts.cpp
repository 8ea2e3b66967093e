// SPDX-License-Identifier: MIT
//
// Every way to start a thread, through the library's wrappers: what libc promises holds, and each thread is counted.
#include "filters.h"

#include <slicepatch/slicepatch.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <semaphore.h>
#include <stdexcept>
#include <sys/resource.h>
#include <thread>
#include <threads.h>
#include <unistd.h>
#include <vector>

namespace {

void say(const char *what, bool right)
{
    std::printf("%s=%s\n", what, right ? "right" : "wrong");
}

void *add_one(void *number)
{
    return static_cast<char *>(number) + 1;
}

void start_pthreads()
{
    pthread_t thread;
    char text[2];
    void *result = nullptr;
    say("value", pthread_create(&thread, nullptr, add_one, text) == 0 && pthread_join(thread, &result) == 0 &&
                     result == text + 1);
    say("identity", [] {
        static pthread_t seen;
        pthread_t created;
        pthread_create(
            &created, nullptr,
            [](void *) -> void * {
                seen = pthread_self();
                return nullptr;
            },
            nullptr);
        pthread_join(created, nullptr);
        return pthread_equal(seen, created) != 0;
    }());
    pthread_create(
        &thread, nullptr, [](void *value) -> void * { pthread_exit(static_cast<char *>(value) + 1); }, text);
    say("exit", pthread_join(thread, &result) == 0 && result == text + 1);
}

std::atomic<int> cleaned{0};

/// Leaves through a destructor and a cleanup handler, when it is cancelled or exits.
void *wait_for_ever(void *)
{
    struct Cleaner {
        ~Cleaner()
        {
            cleaned.fetch_add(1);
        }
    } const cleaner;
    pthread_cleanup_push([](void *) { cleaned.fetch_add(1); }, nullptr);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    return nullptr;
}

void cancel_thread()
{
    pthread_t thread;
    void *result = nullptr;
    pthread_create(&thread, nullptr, wait_for_ever, nullptr);
    pthread_cancel(thread);
    const bool joined = pthread_join(thread, &result) == 0;
    // Cancelled before it began, it has nothing to clean.
    say("cancel", joined && result == PTHREAD_CANCELED && (cleaned == 2 || cleaned == 0));
}

void start_with_attributes()
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    constexpr std::size_t stack_size = 48 << 20; // more than a stack that libc may have left from an ended thread
    pthread_attr_setstacksize(&attributes, stack_size);
    static sem_t done;
    static std::size_t seen_size;
    static int seen_state;
    sem_init(&done, 0, 0);
    pthread_t thread;
    const int error = pthread_create(
        &thread, &attributes,
        [](void *) -> void * {
            pthread_attr_t own;
            pthread_getattr_np(pthread_self(), &own);
            pthread_attr_getstacksize(&own, &seen_size);
            pthread_attr_getdetachstate(&own, &seen_state);
            pthread_attr_destroy(&own);
            sem_post(&done);
            return nullptr;
        },
        nullptr);
    pthread_attr_destroy(&attributes);
    sem_wait(&done);
    constexpr std::size_t guard_size = 64 << 10; // glibc may take the guard from the stack that was asked for
    say("attributes", error == 0 && seen_size >= stack_size - guard_size && seen_state == PTHREAD_CREATE_DETACHED);
}

void fail_to_start()
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, std::size_t{1} << 46); // more than there are addresses
    pthread_t thread;
    say("no_memory", pthread_create(&thread, &attributes, add_one, nullptr) == EAGAIN);
    pthread_attr_destroy(&attributes);
    if (answer_with(SYS_clone3, 0, 0, 0, ENOSYS) || answer_with(SYS_clone, 0, CLONE_THREAD, CLONE_THREAD, EAGAIN))
        return;
    say("no_thread", pthread_create(&thread, nullptr, add_one, nullptr) == EAGAIN);
    thrd_t c11_thread;
    say("no_c11_thread", thrd_create(
                             &c11_thread, [](void *) { return 0; }, nullptr) != thrd_success);
    bool caught = false;
    try {
        std::thread([] {}).join();
    } catch (const std::system_error &error) {
        caught = error.code().value() == EAGAIN;
    }
    say("no_cpp_thread", caught);
}

void start_c11_threads()
{
    thrd_t thread;
    int result = 0, argument = 41;
    say("c11", thrd_create(
                   &thread, [](void *number) { return *static_cast<int *>(number) + 1; }, &argument) == thrd_success &&
                   thrd_join(thread, &result) == thrd_success && result == 42);
    thrd_create(
        &thread, [](void *) { return -7; }, nullptr);
    say("c11_negative", thrd_join(thread, &result) == thrd_success && result == -7);
    thrd_create(
        &thread, [](void *) -> int { thrd_exit(13); }, nullptr);
    say("c11_exit", thrd_join(thread, &result) == thrd_success && result == 13);
}

void start_cpp_threads()
{
    std::atomic<unsigned> sum{0};
    std::vector<std::thread> threads;
    for (unsigned i = 1; i <= 10; ++i)
        threads.emplace_back([&sum, i] { sum += i; });
    for (std::thread &thread : threads)
        thread.join();
    bool caught = false;
    std::thread([&caught] {
        try {
            throw std::runtime_error("within a thread");
        } catch (const std::runtime_error &) {
            caught = true;
        }
    }).join();
    say("cpp", sum == 55 && caught);
}

unsigned enabled_threads()
{
    slicepatch_report report{};
    report.size = sizeof report;
    return slicepatch_get_report(&report) == 0 ? report.threads_enabled : 0;
}

} // namespace

/// First argument: what the kernel answers, an errno. Each line that is printed ends in =right, or in a count.
int main(int count, char **words)
{
    if (count != 2 || fake_slice_kernel(std::atoi(words[1])) || fake_yield(0)) {
        std::printf("unsupported=no seccomp filters here\n");
        return 77;
    }
    std::printf("answer=%d\n", slicepatch_init(nullptr, nullptr));
    start_pthreads();
    std::printf("after_pthreads=%u\n", enabled_threads());
    cancel_thread();
    std::printf("after_cancel=%u\n", enabled_threads());
    start_with_attributes();
    start_c11_threads();
    std::printf("after_c11=%u\n", enabled_threads());
    start_cpp_threads();
    std::printf("after_cpp=%u\n", enabled_threads());
    fail_to_start();
    std::printf("after_failures=%u\n", enabled_threads());
}
