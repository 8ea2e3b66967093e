// SPDX-License-Identifier: MIT
//
// Which of the loaded objects is the program itself.
#ifndef SLICEPATCH_EXECUTABLE_H
#define SLICEPATCH_EXECUTABLE_H

#include <link.h>

#include <cstdint>

namespace slicepatch {

/// Whether one of the object's loaded segments holds address.
bool holds_address(const dl_phdr_info &info, std::uintptr_t address);

/// Whether this copy of the library is among the objects of the program. One that dlmopen() brought is not: it sees
/// only what came with it, and another libc.
bool is_in_first_namespace();

/// Whether address lies in the executable.
bool is_in_executable(std::uintptr_t address);

} // namespace slicepatch

#endif
