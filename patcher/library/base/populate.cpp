// SPDX-License-Identifier: MIT
#include "populate.h"

#include <cerrno>
#include <cstdint>
#include <sys/mman.h>
#include <unistd.h>

namespace slicepatch {

bool populate(void *memory, std::size_t size)
{
    constexpr int populate_write = 23; // MADV_POPULATE_WRITE: newer than many <sys/mman.h>
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto at = reinterpret_cast<std::uintptr_t>(memory);
    const std::uintptr_t begin = (at + page - 1) & ~(page - 1), end = (at + size) & ~(page - 1);
    const int saved = errno;
    // A page alone faults as cheaply.
    const bool done = end <= begin + page || madvise(reinterpret_cast<void *>(begin), end - begin, populate_write) == 0;
    errno = saved;
    return done;
}

} // namespace slicepatch
