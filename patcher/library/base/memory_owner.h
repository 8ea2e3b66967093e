// SPDX-License-Identifier: MIT
//
// Whose memory this is. A child has a copy of its parent's memory, with the state of a lock that its parent holds; or
// it shares that memory, with the lock itself. Process numbers do not tell the two apart, so the memory is asked.
#ifndef SLICEPATCH_MEMORY_OWNER_H
#define SLICEPATCH_MEMORY_OWNER_H

#include <atomic>

#include <sys/types.h>

namespace slicepatch {

/// What one process owns: zero again in a child that has a copy of the memory (fork(), clone()), and the very same for
/// a child that shares it (vfork(), CLONE_VM).
struct OwnerState {
    std::atomic<pid_t> process;     // whose memory this is; 0: it has not said so yet
    std::atomic<pid_t> init_holder; // the thread that holds InitLock; 0: none
    std::atomic<unsigned> init_waiters;
};
OwnerState &owner_state();

/// Whether this process is a guest in the memory of another one. Async-signal-safe, leaves errno alone.
bool shares_memory();

} // namespace slicepatch

#endif
