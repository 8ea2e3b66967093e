// SPDX-License-Identifier: MIT
//
// Enables threads where the kernel's state is per thread: new ones as they start, existing ones by a signal.
#ifndef SLICEPATCH_THREADS_H
#define SLICEPATCH_THREADS_H

namespace slicepatch {

struct ThreadCounts {
    unsigned enabled; // by slicepatch, threads that have ended included
    unsigned missed;  // could not be reached: their requests are ignored by the kernel
};

/// Whether new threads pass through us: our pthread_create is the one that the program calls.
bool threads_are_hooked();

/// From now on every new thread enables itself; the calling thread counts as enabled. Then reaches every thread that
/// exists. Takes up to 0.2 s if some do not answer, and up to 1 s if that is for want of a CPU. Not async-signal-safe.
void enable_all_threads();

/// The calling thread, counted once. 0 or -errno. Async-signal-safe.
int enable_this_thread();

ThreadCounts count_threads();

// ---- between the files of this unit ----

/// Runs on a new thread before its start routine (thread_start.cpp).
void enable_started_thread();

/// Has every other thread of the process run enable_this_thread() (thread_signal.cpp). Returns how many did not.
unsigned signal_existing_threads();

} // namespace slicepatch

#endif
