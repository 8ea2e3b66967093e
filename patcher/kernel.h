// SPDX-License-Identifier: MIT
//
// What the kernel says about slice extensions, and which guarantee follows from it.
#ifndef SLICEPATCH_KERNEL_H
#define SLICEPATCH_KERNEL_H

#include <slicepatch/slicepatch.h>

#include <cstdint>

namespace slicepatch {

/// Raw answers; asking them changes nothing.
struct KernelFacts {
    long features;            // FEATURES: mask, or -errno (-EINVAL: no series)
    long state;               // GET: mask, or -errno
    std::int64_t rseq_offset; // bytes from the thread pointer; SLICEPATCH_RSEQ_OFFSET_NONE where libc has no area
    unsigned rseq_size;       // __rseq_size: what libc registered, 0 if nothing
    bool tcmalloc;            // tcmalloc owns the thread's rseq registration
};
KernelFacts ask_kernel();

/// What is to be done with the facts.
struct GuaranteeRequest {
    bool off = false;  // ask for nothing
    bool lock = false; // may set the process-wide state; otherwise adopt what is found
};
struct Guarantee {
    slicepatch_guarantee level;
    char reason[192];
};
/// Sets the state that the request asks for, on the calling thread or for the process. Never takes anything away.
Guarantee obtain_guarantee(const KernelFacts &facts, const GuaranteeRequest &request);

/// Enables the calling thread on a stock kernel. 0 or -errno. Async-signal-safe, leaves errno alone.
int enable_thread();

/// The system call that ends a granted slice: 471, or where that answers ENOSYS or EPERM a substitute. Tried once,
/// outside a grant, so that nothing is called for the first time later, when a sandbox might kill for it.
int find_yield_number();

/// Whether this is the only thread of the process, read from the kernel now. False where it cannot tell.
bool single_threaded();

} // namespace slicepatch

#endif
