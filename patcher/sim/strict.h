// SPDX-License-Identifier: MIT
//
// --strict: finds system calls inside a section.
//
// System call user dispatch lets the kernel look at a byte of user memory at each system call of a thread, and turn the
// call into SIGSYS if the byte is 1. That byte is the thread's slice_request itself, so that nothing is added to a
// section. The report takes the request back and repeats the call, as a real kernel would end a granted slice: a second
// call in the same section goes unseen.
#ifndef SLICEPATCH_SIM_STRICT_H
#define SLICEPATCH_SIM_STRICT_H

#include "thread.h"

#include <signal.h>
#include <ucontext.h>

namespace slicepatch::sim {

// For the calling thread; nothing without settings.strict. Ends the process if the kernel cannot do it. These three are
// for signal handlers.
void start_strict(const Thread &thread);
void stop_strict();

// The SIGSYS of a dispatched call.
void report_section_call(const siginfo_t *information, ucontext_t *context);

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_STRICT_H
