// SPDX-License-Identifier: MIT
//
// One test-and-test-and-set lock, and the ways to ask for an extension around it that `slicepatch bench` compares.
#ifndef SLICEPATCH_BENCH_LOCKS_H
#define SLICEPATCH_BENCH_LOCKS_H

#include "ticks.h"

#include <slicepatch/slicepatch.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <sched.h>
#include <sys/prctl.h>

namespace contention {

// ---- how to ask ----------------------------------------------------------------------------------------------------

struct NoRequest {
    static void enter() {}
    static void leave() {}
};

/// As programs do it without this library: each thread finds its area and enables itself once, and looks at the flag
/// there each time.
struct ByHand {
    [[gnu::always_inline]] static void enter()
    {
        if (!area) [[unlikely]]
            area = enable();
        if (area->flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED) {
            area->slice_request = 1;
            std::atomic_signal_fence(std::memory_order_seq_cst);
        }
    }

    [[gnu::always_inline]] static void leave()
    {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        area->slice_request = 0;
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (area->slice_granted) [[unlikely]]
            (void)SLICEPATCH_ARCH_SYSCALL(SLICEPATCH_NR_RSEQ_SLICE_YIELD); // what it answers changes nothing here
    }

private:
    [[gnu::cold, gnu::noinline]] static volatile slicepatch_rseq *enable()
    {
        static slicepatch_rseq nothing; // where there is no area: nobody is enabled in it, and nobody is granted
        (void)prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET,
                    SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE, 0, 0); // where it is refused, the flag stays clear
        volatile slicepatch_rseq *rseq = slicepatch_rseq_();
        return rseq ? rseq : &nothing;
    }

    static inline thread_local volatile slicepatch_rseq *area = nullptr;
};

struct Marked {
    [[gnu::always_inline]] static void enter()
    {
        SLICEPATCH_ENTER_AS("contention");
    }
    [[gnu::always_inline]] static void leave()
    {
        SLICEPATCH_EXIT_AS("contention");
    }
};

// ---- when to ask ---------------------------------------------------------------------------------------------------

enum class When {
    naive,      // before the first attempt, and all the time while it waits
    per_attempt // never while it waits
};

// ---- how to wait ---------------------------------------------------------------------------------------------------

struct Spin {
    static void wait(const std::atomic<bool> &held)
    {
        while (held.load(std::memory_order_relaxed))
            SLICEPATCH_ARCH_SPIN_HINT();
    }
};

/// As slicepatch::spinlock does.
struct SpinThenYield {
    static void wait(const std::atomic<bool> &held)
    {
        constexpr int spins_before_yield = 100;
        for (int spins = 0; held.load(std::memory_order_relaxed); ++spins) {
            if (spins < spins_before_yield)
                SLICEPATCH_ARCH_SPIN_HINT();
            else
                (void)sched_yield(); // it has no failure that a waiter could act on
        }
    }
};

template <class Request, When when, class Wait> class Lock {
public:
    /// Returns how long it had to wait, in ticks, at least one; 0 where the lock was free.
    [[gnu::always_inline]] uint64_t lock()
    {
        Request::enter();
        if (!held_.exchange(true, std::memory_order_acquire)) [[likely]]
            return 0;
        const uint64_t begin = ticks();
        do {
            if constexpr (when == When::per_attempt)
                Request::leave();
            Wait::wait(held_);
            if constexpr (when == When::per_attempt)
                Request::enter();
        } while (held_.exchange(true, std::memory_order_acquire));
        return std::max<uint64_t>(ticks() - begin, 1);
    }

    [[gnu::always_inline]] void unlock()
    {
        held_.store(false, std::memory_order_release);
        Request::leave();
    }

private:
    std::atomic<bool> held_{false};
};

} // namespace contention

#endif
