// SPDX-License-Identifier: MIT
//
// How the simulated kernel is entered: a seccomp filter and three signal handlers; or straight from
// libc's functions (calls.cpp), which works where a signal is blocked.
#ifndef SLICEPATCH_SIM_TRAP_H
#define SLICEPATCH_SIM_TRAP_H

namespace slicepatch::sim {

// Handlers first, then the filter; sets no_new_privs. Ends the process if either is refused.
void install_handlers();
void install_filter();

// Answers an emulated system call, or returns false if the call is none. For signal handlers.
bool answer_call(long number, const unsigned long (&arguments)[5], long &answer);

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_TRAP_H
