// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_FILE_SYMBOLS_H
#define SLICEPATCH_FILE_SYMBOLS_H

#include "naming.h"

namespace slicepatch {

/// Names functions by the symbol table of a file that was loaded at base. Whether the file could be understood, with or
/// without a table of symbols.
bool name_by_file(int file, ElfW(Addr) base, Naming &naming);

} // namespace slicepatch

#endif
