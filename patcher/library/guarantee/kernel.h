// SPDX-License-Identifier: MIT
//
// System calls about rseq, slice extensions and threads; what follows from their answers is decided elsewhere. All are
// async-signal-safe and leave errno alone.
#ifndef SLICEPATCH_KERNEL_H
#define SLICEPATCH_KERNEL_H

#include <cstdint>

struct sock_fprog;

namespace slicepatch {

/// prctl(PR_RSEQ_SLICE_EXTENSION): FEATURES and GET answer a mask, SET 0; or -errno.
long ask_features();
long ask_state();
long set_state(unsigned long mask);

/// Enables the calling thread on a stock kernel. 0 or -errno.
int enable_thread();

/// Registers size bytes at offset from the thread pointer as the calling thread's rseq area, if enabled is set with
/// slice extensions from the start; the memory has to outlive the thread. 0 or -errno: -EBUSY it is registered already,
/// -EINVAL another one is.
int register_area(std::int64_t offset, unsigned size, bool enabled);
/// Takes it back. 0 or -errno: -EINVAL it is not what the calling thread has registered.
int unregister_area(std::int64_t offset, unsigned size);

/// A seccomp filter for all threads of the process (seccomp(2), TSYNC). 0, -errno, or the number of a thread that has
/// filters of its own which this one cannot join.
long install_filter(const sock_fprog *program);
/// No exec gives this process privileges any more. Cannot be undone. 0 or -errno.
long set_no_new_privs();

/// The system call that ends a granted slice: 471, or where that answers with any error a substitute. Tried once,
/// outside a grant, so that nothing is called for the first time later, when a sandbox might kill for it.
int find_yield_number();

/// How many threads the process has, read from the kernel now; 0 where it cannot tell. Costs the same for any number,
/// and needs no descriptor. A first thread that has ended counts for as long as the others run.
unsigned count_tasks();

/// Whether the first thread of the process has ended while others run.
bool first_task_has_ended();

/// Whether nobody else runs in this memory: this is the only thread of the process, and no guest in the memory of
/// another one. False where it cannot tell.
bool single_threaded();

} // namespace slicepatch

#endif
