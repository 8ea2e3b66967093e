// SPDX-License-Identifier: MIT
#include "checked_lock.h"

#include <sched.h>

#include <mutex>
#include <type_traits>

namespace wordcount {

namespace {

thread_local CheckCounts counts;
thread_local const CheckedLock *section = nullptr; // from lock() until unlock() has returned

std::mutex total_lock;
CheckCounts total;

/// The lock's only member is its lock word, so that both have one address ([basic.compound]). A yield comes out of the
/// middle of unlock(), where only this word says whether the lock is free yet.
bool is_locked(const slicepatch::spinlock &lock)
{
    static_assert(std::is_standard_layout_v<slicepatch::spinlock>);
    static_assert(sizeof(slicepatch::spinlock) == sizeof(std::atomic<bool>));
    return reinterpret_cast<const std::atomic<bool> &>(lock).load(std::memory_order_acquire);
}

void check_exit()
{
    ++counts.exits;
#if SLICEPATCH_SUPPORTED
    if (const volatile slicepatch_rseq *rseq = slicepatch_rseq_()) {
        counts.requests_left += rseq->slice_request != 0;
        counts.grants_left += rseq->slice_granted != 0;
    }
#endif
}

} // namespace

void CheckedLock::lock() noexcept
{
    lock_.lock();
    owner_.store(&counts, std::memory_order_relaxed);
    section = this;
}

void CheckedLock::unlock() noexcept
{
    lock_.unlock();
    section = nullptr;
    check_exit();
}

bool CheckedLock::held_by_this_thread() const noexcept
{
    // Locked, and this thread was the last to sign: either it still holds the lock, or another thread has taken it and
    // is about to sign. The latter ends soon, the former never.
    constexpr int patience = 10'000;
    for (int i = 0; i < patience; ++i) {
        if (!is_locked(lock_) || owner_.load(std::memory_order_relaxed) != &counts)
            return false;
        (void)sched_yield(); // cannot fail on Linux
    }
    return true;
}

void collect_check_counts()
{
    const std::lock_guard guard(total_lock);
    total.exits += counts.exits;
    total.requests_left += counts.requests_left;
    total.grants_left += counts.grants_left;
    total.yields += counts.yields;
    total.yields_while_holding += counts.yields_while_holding;
    counts = {};
}

CheckCounts check_counts()
{
    const std::lock_guard guard(total_lock);
    return total;
}

} // namespace wordcount

/// The simulated kernel calls it, if the program exports it, on the thread that yields, before it yields.
extern "C" [[gnu::visibility("default")]] void slicepatch_sim_on_yield()
{
    using namespace wordcount;
    ++counts.yields;
    if (section != nullptr && section->held_by_this_thread())
        ++counts.yields_while_holding;
}
