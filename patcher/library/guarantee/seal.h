// SPDX-License-Identifier: MIT
//
// A seccomp filter in the place of a kernel that keeps the state by itself.
#ifndef SLICEPATCH_SEAL_H
#define SLICEPATCH_SEAL_H

namespace slicepatch {

/// Makes the enabled state irrevocable without the kernel's help: from now on no thread of this process can switch the
/// extension off or unregister its area, which answers EPERM, by the system calls of any architecture that this kernel
/// runs. Every system call passes the filter, and no_new_privs is set unless the process has CAP_SYS_ADMIN; where the
/// filter is refused it is not, but for one case: the kernel finds no memory for a filter that it has accepted. Once is
/// enough: later calls do nothing. Null, or why the process is not sealed (static storage). Call it under InitLock.
const char *seal_process();

} // namespace slicepatch

#endif
