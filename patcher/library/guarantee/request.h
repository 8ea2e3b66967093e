// SPDX-License-Identifier: MIT
//
// What the user asks of the kernel.
#ifndef SLICEPATCH_REQUEST_H
#define SLICEPATCH_REQUEST_H

#include <cstdint>

namespace slicepatch {

/// Whose rseq area the sites use.
enum class Registration : std::uint8_t {
    automatic, // libc's if it has one, else ours
    libc,      // libc's or none
    own,       // ours, even if libc has one
};

struct GuaranteeRequest {
    bool off = false;  // ask for nothing
    bool lock = false; // may set the process-wide state; otherwise adopt what is found
    bool seal = false; // have a seccomp filter keep the state, where the kernel cannot
    Registration registration = Registration::automatic;
};

} // namespace slicepatch

#endif
