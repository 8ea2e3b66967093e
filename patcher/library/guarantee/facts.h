// SPDX-License-Identifier: MIT
//
// What is known before anything is decided: what the kernel answers, and what libc and tcmalloc say of the rseq area.
#ifndef SLICEPATCH_FACTS_H
#define SLICEPATCH_FACTS_H

#include <cstdint>

namespace slicepatch {

/// Raw answers; asking them changes nothing.
struct KernelFacts {
    long features; // FEATURES: mask, or -errno (-EINVAL: no series, or nobody asked)
    long state;    // GET: mask, or -errno; of the area that the calling thread has now
    std::int64_t
        rseq_offset;    // __rseq_offset, bytes from the thread pointer; SLICEPATCH_RSEQ_OFFSET_NONE: libc has none
    unsigned rseq_size; // __rseq_size: what libc registered, 0 if nothing
    bool tcmalloc;      // tcmalloc owns the thread's rseq registration
};

KernelFacts ask_kernel();

/// What can be known without a system call: features and state are -EINVAL.
KernelFacts look_without_asking();

} // namespace slicepatch

#endif
