// SPDX-License-Identifier: MIT
//
// Enables threads where the kernel's state is per thread: each as it starts. Those that exist before are left alone and
// counted: no thread can enable another one, and a signal that made it do so would end its system calls, or the
// program.
#ifndef SLICEPATCH_THREADS_H
#define SLICEPATCH_THREADS_H

#include <cstdint>

namespace slicepatch {

struct ThreadCounts {
    std::uint32_t enabled; // by slicepatch, threads that have ended included
    std::uint32_t missed;  // not enabled: their requests are ignored by the kernel; or SLICEPATCH_THREADS_UNKNOWN
};

/// Whether new threads pass through us: our pthread_create and thrd_create are those that the program calls.
bool threads_are_hooked();

/// From now on every new thread enables itself; the calling thread does so here. At the first call, those that exist
/// and have not enabled themselves are counted as missed, all at once. Looks again, for 0.2 s or little more, only
/// while threads are starting. Call it under InitLock. Not async-signal-safe.
void enable_threads();

/// The calling thread, counted once; it is not missed any more. 0 or -errno. Async-signal-safe, leaves errno alone.
int enable_this_thread();

ThreadCounts count_threads();

// ---- between the files of this unit ----

/// A thread is about to be started; it, or where it could not be started its creator, says what became of it.
void begin_thread_start();
void fail_thread_start();
/// Runs on a new thread before its start routine (thread_start.cpp).
void enable_started_thread();

} // namespace slicepatch

#endif
