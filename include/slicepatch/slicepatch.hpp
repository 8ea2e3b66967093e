// SPDX-License-Identifier: MIT
//
// The C++ forms: a scope, a spinlock, and an adapter for any lock. None of them throws, allocates or needs RTTI.
//
// Each has a label of its own ("slicepatch::..."), because its sites say this header for their file:line whatever code
// they end up in; `slicepatch dump` names that code in "function".
#ifndef SLICEPATCH_SLICEPATCH_HPP
#define SLICEPATCH_SLICEPATCH_HPP

#include <slicepatch/slicepatch.h>

#include <atomic>
#include <sched.h>

// clang puts members into every function that uses them, at any level of optimisation. gcc would refuse those that have a
// target(...) of their own, and inlines as small ones as these without being told. What calls functions of others may
// need what those need; our own code needs general registers alone.
#if defined(__clang__) && SLICEPATCH_SUPPORTED
#define SLICEPATCH_INLINE_CALLER_ __attribute__((__always_inline__))
#define SLICEPATCH_INLINE_MEMBER_ SLICEPATCH_INLINE_CALLER_ SLICEPATCH_ARCH_COLD_TARGET
#else
#define SLICEPATCH_INLINE_CALLER_
#define SLICEPATCH_INLINE_MEMBER_
#endif

namespace slicepatch {

/// Requests an extension for its own lifetime. Construct it before the acquiring atomic and destroy it after the
/// releasing store: declare it before the lock guard, so that it is destroyed after it.
class critical_section {
public:
    SLICEPATCH_INLINE_MEMBER_ critical_section() noexcept
    {
        SLICEPATCH_ENTER_AS("slicepatch::critical_section");
    }
    SLICEPATCH_INLINE_MEMBER_ ~critical_section()
    {
        SLICEPATCH_EXIT_AS("slicepatch::critical_section");
    }
    critical_section(const critical_section &) = delete;
    critical_section &operator=(const critical_section &) = delete;
};

/// Test-and-test-and-set lock with an extension requested per attempt, never while it waits: a waiter's extension would
/// only keep the holder off the CPU. Waits by yielding the CPU after a short spin, so that it may be used with more
/// threads than CPUs. Lockable (std::lock_guard, std::unique_lock, std::scoped_lock). Not recursive, not fair.
class spinlock {
public:
    spinlock() noexcept = default;
    spinlock(const spinlock &) = delete;
    spinlock &operator=(const spinlock &) = delete;

    SLICEPATCH_INLINE_MEMBER_ void lock() noexcept
    {
        while (!try_lock())
            wait();
    }

    [[nodiscard]] SLICEPATCH_INLINE_MEMBER_ bool try_lock() noexcept
    {
        SLICEPATCH_ENTER_AS("slicepatch::spinlock");
        if (!held_.exchange(true, std::memory_order_acquire)) [[likely]]
            return true;
        SLICEPATCH_EXIT_AS("slicepatch::spinlock");
        return false;
    }

    SLICEPATCH_INLINE_MEMBER_ void unlock() noexcept
    {
        held_.store(false, std::memory_order_release);
        SLICEPATCH_EXIT_AS("slicepatch::spinlock");
    }

private:
    [[__gnu__::__cold__, __gnu__::__noinline__]] void wait() const noexcept
    {
        constexpr int spins_before_yield = 100; // about the length of a short section; then let the holder run
        for (int spins = 0; held_.load(std::memory_order_relaxed); ++spins) {
            if (spins < spins_before_yield)
                SLICEPATCH_ARCH_SPIN_HINT();
            else
                (void)sched_yield(); // it has no failure that a waiter could act on
        }
    }

    std::atomic<bool> held_{false};
};

/// Gives any Lockable a request around each attempt. A lock that is free is taken inside the request; where it is not,
/// the request ends before the wait, and a new one starts once the lock is held. A lock whose unlock() makes a system
/// call to wake a waiter (std::mutex does, when contended) ends a granted slice with it: correct, of less use. What the
/// Lockable throws goes through, and leaves no request behind.
template <class Lockable> class lock_adapter {
public:
    lock_adapter() = default;
    lock_adapter(const lock_adapter &) = delete;
    lock_adapter &operator=(const lock_adapter &) = delete;

    SLICEPATCH_INLINE_CALLER_ void lock()
    {
        if (try_lock()) [[likely]]
            return;
        lock_.lock();
        SLICEPATCH_ENTER_AS("slicepatch::lock_adapter");
    }

    [[nodiscard]] SLICEPATCH_INLINE_CALLER_ bool try_lock()
    {
        SLICEPATCH_ENTER_AS("slicepatch::lock_adapter");
        request made;
        const bool taken = lock_.try_lock();
        made.kept = true; // nothing was thrown
        if (taken) [[likely]]
            return true;
        SLICEPATCH_EXIT_AS("slicepatch::lock_adapter");
        return false;
    }

    SLICEPATCH_INLINE_CALLER_ void unlock()
    {
        const request made;
        lock_.unlock();
    }

    /// The lock itself, for what the adapter does not offer. Locking it directly makes no request.
    [[nodiscard]] Lockable &base() noexcept
    {
        return lock_;
    }

private:
    /// Ends with the scope unless it is kept, also where an exception leaves it.
    struct request {
        request() noexcept = default;
        request(const request &) = delete;
        request &operator=(const request &) = delete;
        SLICEPATCH_INLINE_MEMBER_ ~request()
        {
            if (!kept)
                SLICEPATCH_EXIT_AS("slicepatch::lock_adapter");
        }
        bool kept = false;
    };

    Lockable lock_;
};

} // namespace slicepatch

#endif // SLICEPATCH_SLICEPATCH_HPP
