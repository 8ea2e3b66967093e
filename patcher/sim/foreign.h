// SPDX-License-Identifier: MIT
//
// Signals of the program that meet ours: those that carry a reserved number, and those that are to end a system call
// with EINTR. All of it is for signal handlers.
#ifndef SLICEPATCH_SIM_FOREIGN_H
#define SLICEPATCH_SIM_FOREIGN_H

#include <signal.h>
#include <ucontext.h>

namespace slicepatch::sim {

// A signal with a reserved number that is not ours goes where the program wants it; by default that is the end of the
// process. One that the program believes to be blocked waits (masks.h). Gives way as well.
void deliver_to_program(int signal, siginfo_t *information, ucontext_t *context);

// At the end of a handler that asks for SA_RESTART. The first signal that a system call meets decides whether the call
// is repeated, and ours, being sent to a thread, comes before all that are sent to a process (kernel/signal.c,
// dequeue_signal()). So one of the program's that would have ended the call with EINTR would be lost, and the call
// would sleep on. If such a signal is waiting, the call ends as without us.
void give_way_to_signals(ucontext_t *context);

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_FOREIGN_H
