// SPDX-License-Identifier: MIT
//
// What the simulated kernel keeps still while it works: signals of the thread, other threads of the process, errno. All
// of it is async-signal-safe.
#ifndef SLICEPATCH_SIM_GUARD_H
#define SLICEPATCH_SIM_GUARD_H

#include <cstdint>

namespace slicepatch::sim {

// Blocks all signals of the calling thread, except SIGSYS: forced by a filter of the program's, it kills if it is
// blocked.
class SignalGuard {
public:
    SignalGuard();
    ~SignalGuard();
    SignalGuard(const SignalGuard &) = delete;
    SignalGuard &operator=(const SignalGuard &) = delete;

private:
    uint64_t saved_;
};

// Excludes every other change of a Thread, of their list and of process_lock in this process.
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

// Once, at the start of the process.
void prepare_guards();

// Whether the calling task belongs to the process whose memory this is. Not so for the child of a vfork(2), or of a
// clone(2) with CLONE_VM alone: what it changes here, its parent has.
bool in_own_process();

// In the child of a fork(2), whose memory is a copy, until it takes note: then no ProcessGuard is held any more.
bool is_unnoted_fork();
void take_note_of_fork();

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_GUARD_H
