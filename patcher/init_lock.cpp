// SPDX-License-Identifier: MIT
#include "init_lock.h"

#include <atomic>
#include <cstdint>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace slicepatch {

namespace {

std::atomic<std::uint64_t> owner{0};
bool watches_forks = false; // guarded by owner
bool held_for_fork = false; // by the thread that is forking

std::uint64_t this_thread()
{
    return static_cast<std::uint64_t>(getpid()) << 32 | static_cast<std::uint32_t>(syscall(SYS_gettid));
}

std::atomic<unsigned> waiting{0};

bool try_acquire(std::uint64_t own)
{
    std::uint64_t found = 0;
    if (owner.compare_exchange_strong(found, own, std::memory_order_acquire))
        return true;
    const bool inherited = found >> 32 != own >> 32;
    return inherited && owner.compare_exchange_strong(found, own, std::memory_order_acquire);
}

void acquire(std::uint64_t own)
{
    // Sleeps, since a real-time thread that spins or yields would keep the owner from running.
    constexpr timespec pause{0, 50'000};
    if (waiting.load(std::memory_order_relaxed))
        nanosleep(&pause, nullptr); // those who wait come first: a loop over init would starve them
    if (try_acquire(own))
        return;
    waiting.fetch_add(1, std::memory_order_relaxed);
    do
        nanosleep(&pause, nullptr);
    while (!try_acquire(own));
    waiting.fetch_sub(1, std::memory_order_relaxed);
}

void release()
{
    owner.store(0, std::memory_order_release);
}

void before_fork()
{
    const std::uint64_t own = this_thread();
    if (owner.load(std::memory_order_relaxed) == own)
        return; // a signal handler that forks in the middle of this thread's init
    acquire(own);
    held_for_fork = true;
}

void after_fork()
{
    if (!held_for_fork)
        return;
    held_for_fork = false;
    release();
}

void after_fork_in_child()
{
    waiting.store(0); // those are the parent's
    after_fork();
}

} // namespace

InitLock::InitLock() : nested_(owner.load(std::memory_order_relaxed) == this_thread())
{
    if (nested_)
        return;
    acquire(this_thread());
    // If there is no memory for the handlers, forks are as they would be without them.
    if (!watches_forks)
        watches_forks = pthread_atfork(before_fork, after_fork, after_fork_in_child) == 0;
}

InitLock::~InitLock()
{
    if (!nested_)
        release();
}

} // namespace slicepatch
