// SPDX-License-Identifier: MIT
//
// The kernel's side of the time slice extension, for the calling thread, as Linux 7.0 and our series do it. All of it
// runs with every signal blocked, so between two instructions of the thread, as an interrupt does, and mostly in signal
// handlers: it is async-signal-safe.
#ifndef SLICEPATCH_SIM_SLICE_KERNEL_H
#define SLICEPATCH_SIM_SLICE_KERNEL_H

namespace slicepatch::sim {

struct Thread;

// prctl(79, operation, argument, ., .): the answer, or -errno.
long answer_prctl(unsigned long operation, unsigned long argument, unsigned long fourth, unsigned long fifth);

// Syscall 471: 1 if it ended a granted slice, 0 if there was none, or -ENOSYS.
long answer_yield();

// rseq(area, length, flags, signature): what the real kernel answers; the simulated one knows the area afterwards.
long answer_rseq(unsigned long area, unsigned long length, unsigned long flags, unsigned long signature);

// The timer interrupt: grants a requested slice, revokes one that is still running. Of the calling thread, and without
// a system call where there is nothing to do.
void interrupt_thread(Thread &thread);

// The end of a slice that was never given back. Of the calling thread.
void expire_slice(Thread &thread);

// For tests: `extern "C" void slicepatch_sim_on_yield(void)`, defined by the program and visible to dlsym(3)
// (ENABLE_EXPORTS in CMake, -rdynamic), is called on the yielding thread at each syscall 471 of a kernel that has it,
// granted or not, before anything changes. So a test can check that nothing is yielded while a lock is held. It may run
// in a signal handler, but one that interrupted a system call: it may do what the program might have done there.
// Not for signal handlers.
void find_yield_hook();

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_SLICE_KERNEL_H
