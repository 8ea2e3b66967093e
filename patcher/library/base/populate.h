// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_POPULATE_H
#define SLICEPATCH_POPULATE_H

#include <cstddef>

namespace slicepatch {

/// Makes all pages that lie in [memory, memory + size) present and writable by one call (madvise(2), MADV_POPULATE_WRITE,
/// Linux 5.14). A fault for each page costs more than twice as much, and on some virtual machines 60 us (measured). Only
/// cheaper, never needed: false where the kernel refuses, and stores fault as ever. Preserves errno.
bool populate(void *memory, std::size_t size);

/// The same for pages that will be read, all of them and soon (MADV_POPULATE_READ): what is mapped from a file is then
/// read in, and nothing of it copied. Does nothing for what one fault brings in anyway, with its neighbours.
bool populate_for_reading(const void *memory, std::size_t size);

} // namespace slicepatch

#endif
