// SPDX-License-Identifier: MIT
//
// Names of functions, from the symbol table of the file that an object was loaded from.
#ifndef SLICEPATCH_SYMBOLS_H
#define SLICEPATCH_SYMBOLS_H

#include "sites.h"

namespace slicepatch {

/// The (mangled) name of the function that starts at address; "" where the file is gone, stripped or unreadable.
void find_function_name(const Object &object, std::uintptr_t address, char *name, std::size_t size);

} // namespace slicepatch

#endif
