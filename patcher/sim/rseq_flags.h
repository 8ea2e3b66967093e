// SPDX-License-Identifier: MIT
//
// rseq->flags, which a real kernel writes, so that a program can test AVAILABLE, ENABLED and LOCKED without a system
// call.
//
// Kernels up to 6.18 read the word as well: a thread that is preempted or signalled inside a restartable sequence
// (rseq->rseq_cs) while it is not 0 is killed by SIGSEGV (kernel/rseq.c, rseq_need_restart()). They also clear
// rseq->rseq_cs before every signal handler, so that none of ours could ever see one in use. What can be seen
// beforehand is the signature that the kernel demands in front of each abort handler: a process in which a loaded
// object holds it in its code may use rseq_cs, and its flags stay 0. SLICEPATCH_SIM_RSEQ_FLAGS=on|off decides instead
// of the search.
#ifndef SLICEPATCH_SIM_RSEQ_FLAGS_H
#define SLICEPATCH_SIM_RSEQ_FLAGS_H

#include "thread.h"

namespace slicepatch::sim {

// Searches the code of the loaded objects, again only after one was added; on the first find every thread's flags go
// back to 0. Takes the dynamic linker's lock, then ProcessGuard: for the start of the process and of a thread alone,
// not for signal handlers, and emulated system calls are some. An object that is loaded later by dlopen(3) is seen when
// the next thread starts.
void search_for_sequences();

// Writes what a kernel would have in thread.area->flags by now, or nothing at all (above). The calling thread's, or one
// whose area lasts. For signal handlers.
void write_flags(Thread &thread);

// The same for any thread, under ProcessGuard: if its area may go away at any time, it will write them itself, at its
// next interrupt or emulated call. For signal handlers.
void update_flags(Thread &thread);

// Of the calling thread: what was left to it. For signal handlers.
void follow_flags(Thread &thread);

// Back to 0, if they were ever written.
void clear_flags(Thread &thread);

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_RSEQ_FLAGS_H
