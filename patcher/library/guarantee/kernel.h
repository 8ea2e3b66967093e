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
    long features;            // FEATURES: mask, or -errno (-EINVAL: no series, or nobody asked)
    long state;               // GET: mask, or -errno
    std::int64_t rseq_offset; // bytes from the thread pointer; SLICEPATCH_RSEQ_OFFSET_NONE where libc has no area
    unsigned rseq_size;       // __rseq_size: what libc registered, 0 if nothing
    bool tcmalloc;            // tcmalloc owns the thread's rseq registration
    bool owned;               // the area is ours (area.h)
    const char *own_refusal;  // why it is not, where it was wanted; static storage, null if it was not
};
KernelFacts ask_kernel();
/// What can be known without a system call: features and state are -EINVAL.
KernelFacts look_without_asking();
/// GET alone.
long ask_state();

/// Whose rseq area the sites use.
enum class Registration : std::uint8_t {
    automatic, // libc's if it has one, else ours
    libc,      // libc's or none
    own,       // ours, even if libc has one
};

/// What is to be done with the facts.
struct GuaranteeRequest {
    bool off = false;  // ask for nothing
    bool lock = false; // may set the process-wide state; otherwise adopt what is found
    bool seal = false; // have a seccomp filter keep the state, where the kernel cannot
    Registration registration = Registration::automatic;
};
struct Guarantee {
    slicepatch_guarantee level;
    char reason[192];
};
Guarantee make_guarantee(slicepatch_guarantee level, const char *reason);

/// Null, or why the facts rule SLICEPATCH_GUARANTEE_PROCESS out, whatever else is done. Static storage.
const char *process_obstacle(const KernelFacts &facts, const GuaranteeRequest &request);

/// Sets the state that the request asks for, on the calling thread or for the process. Never takes anything away.
Guarantee obtain_guarantee(const KernelFacts &facts, const GuaranteeRequest &request);

/// Enables the calling thread on a stock kernel. 0 or -errno. Async-signal-safe, leaves errno alone.
int enable_thread();

/// Registers size bytes at offset from the thread pointer as the calling thread's rseq area, if enabled is set with
/// slice extensions from the start; the memory has to outlive the thread. 0 or -errno: -EBUSY it is registered already,
/// -EINVAL another one is. Async-signal-safe, leaves errno alone.
int register_area(std::int64_t offset, unsigned size, bool enabled);
/// Takes it back. 0 or -errno: -EINVAL it is not what the calling thread has registered.
int unregister_area(std::int64_t offset, unsigned size);

/// Makes the enabled state irrevocable without the kernel's help: from now on no thread of this process can switch the
/// extension off or unregister its area, which answers EPERM, by the system calls of any architecture that this kernel
/// runs. Every system call passes the filter, and no_new_privs is set unless the process has CAP_SYS_ADMIN; where the
/// filter is refused it is not, but for one case: the kernel finds no memory for a filter that it has accepted. 0 or
/// -errno; -ESRCH when a thread has filters of its own that this one cannot join (seccomp(2), TSYNC).
int seal_process();

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
