// SPDX-License-Identifier: MIT
#include "init_lock.h"

#include "memory_owner.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace slicepatch {

namespace {

/// Not libc's idea of it, which a child that shares the memory shares too.
pid_t this_thread()
{
    return static_cast<pid_t>(syscall(SYS_gettid));
}

bool try_acquire(pid_t own)
{
    pid_t found = 0;
    return owner_state().init_holder.compare_exchange_strong(found, own, std::memory_order_acquire);
}

void acquire(pid_t own)
{
    // Sleeps, since a real-time thread that spins or yields would keep the holder from running.
    constexpr timespec pause{0, 50'000};
    std::atomic<unsigned> &waiters = owner_state().init_waiters;
    if (waiters.load(std::memory_order_relaxed))
        nanosleep(&pause, nullptr); // those who wait come first: a loop over init would starve them
    if (try_acquire(own))
        return;
    waiters.fetch_add(1, std::memory_order_relaxed);
    do
        nanosleep(&pause, nullptr);
    while (!try_acquire(own));
    waiters.fetch_sub(1, std::memory_order_relaxed);
}

bool is_held_by(pid_t thread)
{
    return owner_state().init_holder.load(std::memory_order_relaxed) == thread;
}

void release()
{
    owner_state().init_holder.store(0, std::memory_order_release);
}

// ---- forks; all of these are guarded by the lock ----
enum class ForkHold {
    none,
    taken, // by the thread that is forking, for that long
    init,  // that thread has it in any case: a signal handler that forks in the middle of its init
} fork_hold = ForkHold::none;
Cancellation cancellation_before_fork;

void before_fork()
{
    if (shares_memory())
        return; // what the guest's child copies is not held by anyone there
    const Cancellation cancellation = disable_cancellation();
    const pid_t own = this_thread();
    if (is_held_by(own)) {
        fork_hold = ForkHold::init;
        restore_cancellation(cancellation);
        return;
    }
    acquire(own);
    fork_hold = ForkHold::taken;
    cancellation_before_fork = cancellation;
}

void after_fork()
{
    if (!is_held_by(this_thread()))
        return; // a guest
    const ForkHold hold = fork_hold;
    const Cancellation cancellation = cancellation_before_fork;
    fork_hold = ForkHold::none;
    if (hold != ForkHold::taken)
        return;
    release();
    restore_cancellation(cancellation);
}

/// By now it is free in the child's memory (memory_owner.cpp). The child of a thread that had it has it.
void after_fork_in_child()
{
    if (fork_hold == ForkHold::none)
        return;
    owner_state().init_holder.store(this_thread());
    after_fork();
}

/// At the first init and not earlier: handlers that are registered later run earlier, and what an allocator locks for
/// a fork is not to be held while we wait for an init that allocates. If there is no memory for the handlers, forks are
/// as they would be without them.
void watch_forks()
{
    static bool watched = false;
    if (!watched)
        watched = pthread_atfork(before_fork, after_fork, after_fork_in_child) == 0;
}

} // namespace

InitLock::InitLock() : guest_(shares_memory())
{
    if (guest_)
        return; // its cancellation state is another thread's too
    cancellation_ = disable_cancellation();
    const pid_t own = this_thread();
    nested_ = is_held_by(own);
    if (nested_)
        return;
    acquire(own);
    watch_forks();
}

InitLock::~InitLock()
{
    if (guest_)
        return;
    if (!nested_)
        release();
    restore_cancellation(cancellation_);
}

} // namespace slicepatch
