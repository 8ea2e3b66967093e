// SPDX-License-Identifier: MIT
//
// What the simulated kernel knows of a thread, and of the process.
//
// A thread is attached before its start routine runs (spawn.cpp); one that came into being otherwise is attached by its
// first emulated system call. Everything here is done with all signals blocked, so that no interrupt of the thread sees
// half of it.
#ifndef SLICEPATCH_SIM_THREAD_H
#define SLICEPATCH_SIM_THREAD_H

#include "slicepatch/abi.h"

#include <cstdint>
#include <sys/types.h>

namespace slicepatch::sim {

struct Thread {
    pid_t id;              // 0: not attached
    slicepatch_rseq *area; // null: no area is registered
    bool enabled;
    bool granted; // the kernel's own copy: user space could write the byte
    int tick_timer;
    int expiry_timer;
    uint64_t slice_end_ns; // CLOCK_MONOTONIC; an expiry signal before it belongs to a slice that is over
    Thread *next;
    Thread *previous;
};

// What the series keeps per mm. It never goes back, and the copy of memory that is fork(2) inherits it.
enum class Lock { unlocked, enabled, disabled };

// Of the calling thread; attached or not.
Thread &current_thread();

// The lock of the process; written under ProcessGuard alone.
extern Lock process_lock;

// Blocks all signals of the calling thread.
class SignalGuard {
public:
    SignalGuard();
    ~SignalGuard();
    SignalGuard(const SignalGuard &) = delete;
    SignalGuard &operator=(const SignalGuard &) = delete;

private:
    uint64_t saved_;
};

// Excludes every other change of Thread::enabled and process_lock in this process.
class ProcessGuard {
public:
    ProcessGuard();
    ~ProcessGuard();
    ProcessGuard(const ProcessGuard &) = delete;
    ProcessGuard &operator=(const ProcessGuard &) = delete;

private:
    SignalGuard signals_;
};

// errno as the interrupted code left it.
class ErrnoGuard {
public:
    ErrnoGuard();
    ~ErrnoGuard();
    ErrnoGuard(const ErrnoGuard &) = delete;
    ErrnoGuard &operator=(const ErrnoGuard &) = delete;

private:
    int saved_;
};

// Once, before any thread is attached.
void prepare_threads();

// Starts the interrupts of the calling thread. Attaching twice is nothing.
void attach_current_thread();

// False for a task that shares another thread's memory and thread pointer, as between vfork(2) and exec.
bool owns_current_thread();

// In the child of fork(2), where only the calling thread lives on: timers are not inherited, its state is.
void restart_after_fork();

// Calls visit for every attached thread, under ProcessGuard.
void for_each_thread(void (*visit)(Thread &thread, void *argument), void *argument);

// One-shot; 0 disarms.
void arm_expiry(const Thread &thread, uint64_t nanoseconds);

// A thread whose registration does not exist (tunable glibc.pthread.rseq=0) has no area.
slicepatch_rseq *find_registered_area();

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_THREAD_H
