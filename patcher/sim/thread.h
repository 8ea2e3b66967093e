// SPDX-License-Identifier: MIT
//
// What the simulated kernel knows of a thread, and of the process.
//
// A thread is attached before its start routine runs (spawn.cpp), and detached by the last of its key destructors. One
// that came into being otherwise, or that makes an emulated system call after its destructors, is attached by that
// call: nothing tells when it ends. So records are not in the memory of their threads, and a thread that changes
// another thread's area makes sure first that the thread cannot end meanwhile.
//
// What may be called from a signal handler says so: it enters neither the dynamic linker nor malloc, and leaves errno
// alone.
#ifndef SLICEPATCH_SIM_THREAD_H
#define SLICEPATCH_SIM_THREAD_H

#include "slicepatch/abi.h"

#include <cstdint>
#include <signal.h>
#include <sys/types.h>

namespace slicepatch::sim {

// What a new thread is to run. A routine of POSIX or of C, which the one who starts it knows.
struct Start {
    void (*routine)();
    void *argument;
    unsigned pretended_mask;
};

struct Thread {
    pid_t id;              // 0: not attached yet
    slicepatch_rseq *area; // null: no area is registered
    bool full;             // the area is one that can have slice extensions
    bool had_full;         // it is, or one before it was
    bool enabled;
    bool granted;       // the kernel's own copy: user space could write the byte
    bool detaches;      // the thread ends through its key destructors, so that its area is there as long as its record
    bool flags_written; // by us, in the area
    bool flags_due;     // it has to write its flags itself
    int rounds;         // of key destructors so far
    int tick_timer;     // -1: none
    int expiry_timer;   // -1: none
    uint64_t slice_end_ns; // CLOCK_MONOTONIC; an expiry signal before it belongs to a slice that is over
    Start start;
    Thread *next;
    Thread *previous;
};

// What the series keeps per mm. It never goes back, and the copy of memory that is fork(2) inherits it.
enum class Lock { unlocked, enabled, disabled };

// The lock of the process; written under ProcessGuard alone.
extern Lock process_lock;

// Once, before any thread is attached; then attaches the first one.
void prepare_threads();

// A record for a thread that is to start; null without memory. Its maker frees it if the thread does not come to
// be.
Thread *make_thread(const Start &start);
void free_thread(Thread *thread);

// In the new thread, before its routine: starts its interrupts. It may be attached already.
void attach_started_thread(Thread *thread);

// Attaches the calling thread unless it is, or has no thread pointer or no memory of its own. For signal handlers.
void attach_current_thread();

// Of the calling thread; null if it is not attached. For signal handlers.
Thread *current_thread();

// In the child of fork(2), where only the calling thread lives on: timers are not inherited, its state is. Elsewhere
// nothing. For signal handlers.
void restart_after_fork();

// Calls visit for every attached thread, under ProcessGuard. For signal handlers.
void for_each_thread(void (*visit)(Thread &thread, void *argument), void *argument);

// Whether another thread, under ProcessGuard, may write to this one's area. For signal handlers.
bool has_lasting_area(const Thread &thread);

// Whether its thread has not ended. For signal handlers.
bool is_alive(const Thread &thread);

// The calling thread, if the signal is from one of its timers, or null. Without a system call, which a sandbox of the
// program's might not let pass. For signal handlers.
Thread *interrupted_thread(const siginfo_t &information);

// Where libc has, or would have, the area of the calling thread; null if it has none. A kernel of today gives 32 bytes
// to glibc up to 2.40, which count as full here: nobody could try anything otherwise. For signal handlers.
slicepatch_rseq *area_of_libc();

// One-shot; 0 disarms. For signal handlers.
void arm_expiry(const Thread &thread, uint64_t nanoseconds);

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_THREAD_H
