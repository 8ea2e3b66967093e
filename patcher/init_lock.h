// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_INIT_LOCK_H
#define SLICEPATCH_INIT_LOCK_H

namespace slicepatch {

/// One init at a time, and no fork during it: a child has only the thread that forked, so that what another one holds,
/// here or in the dynamic loader, would be held for ever. Knows its owner, process and thread, so that the child of a
/// fork that the handlers did not see (clone, vfork) takes what it inherited.
class InitLock {
public:
    InitLock();
    InitLock(const InitLock &) = delete;
    InitLock &operator=(const InitLock &) = delete;
    ~InitLock();
};

} // namespace slicepatch

#endif
