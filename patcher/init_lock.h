// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_INIT_LOCK_H
#define SLICEPATCH_INIT_LOCK_H

namespace slicepatch {

/// One init at a time, and no fork during it: a child has only the thread that forked, so that what another one holds,
/// here or in the dynamic loader, would be held for ever. Taken before the loader's lock, never after it. Knows its
/// owner, process and thread, so that the child of a fork that the handlers did not see (clone, vfork) takes what it
/// inherited.
class InitLock {
public:
    InitLock();
    InitLock(const InitLock &) = delete;
    InitLock &operator=(const InitLock &) = delete;
    ~InitLock();
    /// This thread holds it already: a signal handler in the middle of a call, or a visitor that calls back.
    [[nodiscard]] bool nested() const
    {
        return nested_;
    }

private:
    bool nested_;
};

} // namespace slicepatch

#endif
