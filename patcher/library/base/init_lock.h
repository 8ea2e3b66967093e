// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_INIT_LOCK_H
#define SLICEPATCH_INIT_LOCK_H

#include "cancellation.h"

namespace slicepatch {

/// One init at a time, and no fork during it: a child has only the thread that forked, so that what another one holds,
/// here or in the dynamic loader, would be held for ever. Nor is its holder cancelled: opening a file, say, is a
/// cancellation point. Taken before the loader's lock, never after it.
class InitLock {
public:
    InitLock();
    InitLock(const InitLock &) = delete;
    InitLock &operator=(const InitLock &) = delete;
    ~InitLock();
    /// This process is a guest in the memory of another one, whose lock it is (memory_owner.h). It is not held: a guest
    /// that dies, or execs, would never release it.
    [[nodiscard]] bool is_guest() const
    {
        return guest_;
    }
    /// This thread holds it already: a signal handler in the middle of a call, or a visitor that calls back.
    [[nodiscard]] bool nested() const
    {
        return nested_;
    }

private:
    bool guest_, nested_ = false;
    Cancellation cancellation_; // the caller's
};

} // namespace slicepatch

#endif
