// SPDX-License-Identifier: MIT
//
// Rseq areas of our own: where libc registers none, and, when asked to, in the place of libc's.
//
// The kernel checks and writes an area for as long as its thread runs, and kills the thread for what it does not expect
// there. So an area is part of a thread's static TLS, which glibc frees behind the thread's end (where libc frees it
// earlier, the area is given back before), and belongs to an object that cannot be unloaded. It is one distance from the
// thread pointer in every thread: a thread that was never registered stores its requests into memory of its own, which
// nobody looks at.
#ifndef SLICEPATCH_AREA_H
#define SLICEPATCH_AREA_H

#include "kernel.h"

namespace slicepatch {

/// The area that sites use. Made under InitLock; what it changed is as it was when it is gone, unless keep() was called.
class AreaChoice {
public:
    /// Chooses it, and registers the calling thread's if it is ours or another copy's of the library; facts then tell
    /// about that one. Where ours was wanted and could not be had, facts are as they were and facts.own_refusal says why.
    /// A request that is off registers nothing, and makes no system call. told_offset: where objects have been told that
    /// another copy of the library has areas; 0: nowhere.
    AreaChoice(std::int64_t told_offset, const GuaranteeRequest &request, KernelFacts &facts);
    AreaChoice(const AreaChoice &) = delete;
    AreaChoice &operator=(const AreaChoice &) = delete;
    ~AreaChoice()
    {
        give_back();
    }

    /// From here on all threads use it, and nothing takes it back.
    void keep();
    /// Libc has its area again, and facts tell about that one; where others use ours already, nothing happens.
    void give_back();

private:
    KernelFacts &facts_;
    const KernelFacts before_;
    bool taken_ = false; // libc's area is no longer registered
    bool registered_ = false;

    const char *take_over();
    const char *take_from_libc();
};

/// Whether the kernel may honour requests in the area that sites use, as its flags say, without a system call. True where
/// it was registered and is not any more, so that nobody can tell.
bool may_be_granted(const KernelFacts &facts);

/// Has the kernel honour the calling thread's requests: registers our area if there is one, and enables. 0 or -errno:
/// -ENXIO the area is that of a thread with the same thread pointer. Async-signal-safe, leaves errno alone.
int enable_thread_area();

/// Whether this process uses areas of our own, whichever copy of the library brought them.
bool owns_areas();

/// Whether each thread gives its area back before it ends, because libc frees the memory too early.
bool gives_areas_back();

} // namespace slicepatch

#endif
