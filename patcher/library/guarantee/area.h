// SPDX-License-Identifier: MIT
//
// The rseq area that sites use: libc's; or ours, where libc registers none and, when asked to, in the place of libc's.
//
// The kernel checks and writes an area for as long as its thread runs, and kills the thread for what it does not expect
// there. So an area of ours is part of a thread's static TLS, which glibc frees behind the thread's end (where libc
// frees it earlier, the area is given back before), and belongs to an object that cannot be unloaded. It is one
// distance from the thread pointer in every thread: a thread that was never registered stores its requests into memory
// of its own, which nobody looks at.
#ifndef SLICEPATCH_AREA_H
#define SLICEPATCH_AREA_H

#include "facts.h"
#include "request.h"

#include <slicepatch/site.h>

namespace slicepatch {

struct Area {
    std::int64_t offset; // bytes from the thread pointer; SLICEPATCH_RSEQ_OFFSET_NONE: there is none that sites may use
    unsigned size;       // bytes that were registered; 0: nobody has
    bool owned;          // it is ours
    long state;          // GET, with this area registered: mask, or -errno
    const char
        *own_refusal; // why it is not ours, or why this thread's is not registered; static storage, null if there
                      // is no reason to tell

    [[nodiscard]] bool exists() const
    {
        return offset != SLICEPATCH_RSEQ_OFFSET_NONE && size;
    }
};

/// Chooses the area. Made under InitLock; what it registered is as it was when it is gone, unless keep() was called.
class AreaChoice {
public:
    /// Registers the calling thread's area if it is ours or another copy's of the library. told_offset: where objects
    /// have been told that another copy has areas; 0: nowhere. A request that is off registers nothing, and makes no
    /// system call.
    AreaChoice(const KernelFacts &facts, std::int64_t told_offset, const GuaranteeRequest &request);
    AreaChoice(const AreaChoice &) = delete;
    AreaChoice &operator=(const AreaChoice &) = delete;
    ~AreaChoice()
    {
        give_back();
    }

    [[nodiscard]] const Area &area() const
    {
        return area_;
    }
    /// From here on all threads use it, and nothing takes it back.
    void keep();
    /// Libc has its area again, and that is the area; where others use ours already, nothing happens.
    void give_back();

private:
    const KernelFacts facts_;
    Area area_;
    bool taken_ = false; // libc's area is no longer registered
    bool registered_ = false;

    void join(std::int64_t offset, const GuaranteeRequest &request);
    const char *take_over();
    const char *take_from_libc();
};

/// Whether the kernel may honour requests in the area, as its flags say, without a system call. True where it was
/// registered and is not any more: then its flags say nothing.
bool may_be_granted(const Area &area);

/// Has the kernel honour the calling thread's requests: registers our area if there is one, and enables. 0 or -errno:
/// -ENXIO the area is that of a thread with the same thread pointer. Async-signal-safe, leaves errno alone.
int enable_thread_area();

/// Whether this process uses areas of our own, whichever copy of the library brought them.
bool owns_areas();

/// Whether each thread gives its area back before it ends, because libc frees the memory too early.
bool gives_areas_back();

} // namespace slicepatch

#endif
