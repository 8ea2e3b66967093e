// SPDX-License-Identifier: MIT
//
// slicepatch::spinlock for --check: the same lock and the same sites, watched from outside.
#ifndef WORDCOUNT_CHECKED_LOCK_H
#define WORDCOUNT_CHECKED_LOCK_H

#include <slicepatch/slicepatch.hpp>

#include <atomic>
#include <cstdint>

namespace wordcount {

/// What --check counts. Everything but exits and yields must stay 0.
struct CheckCounts {
    uint64_t exits = 0;                // sections that were left
    uint64_t requests_left = 0;        // ... with rseq->slice_ctrl.request still set
    uint64_t grants_left = 0;          // ... with rseq->slice_ctrl.granted still set
    uint64_t yields = 0;               // granted slices given back; only the simulated kernel can tell
    uint64_t yields_while_holding = 0; // ... by a thread that held a lock

    [[nodiscard]] bool clean() const
    {
        return requests_left == 0 && grants_left == 0 && yields_while_holding == 0;
    }
};

/// Adds the calling thread's counts to the process's, and begins anew. Each thread calls it before it ends.
void collect_check_counts();

/// Of all threads that have called collect_check_counts().
CheckCounts check_counts();

class CheckedLock {
public:
    void lock() noexcept;
    void unlock() noexcept;

    /// Whether the calling thread holds the lock, which it took last. Waits for the answer when another thread has
    /// taken the lock just now.
    [[nodiscard]] bool held_by_this_thread() const noexcept;

private:
    slicepatch::spinlock lock_;
    std::atomic<const void *> owner_{
        nullptr}; // the last to have taken it; written after that, kept when it is released
};

} // namespace wordcount

#endif // WORDCOUNT_CHECKED_LOCK_H
