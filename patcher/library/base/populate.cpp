// SPDX-License-Identifier: MIT
#include "populate.h"

#include <cerrno>
#include <cstdint>
#include <sys/mman.h>
#include <unistd.h>

namespace slicepatch {

namespace {

constexpr int populate_read = 22, populate_write = 23; // MADV_POPULATE_...: newer than many <sys/mman.h>

/// Whole pages; fewer than so many are left to faults.
bool advise(const void *memory, std::size_t size, std::size_t least_pages, int advice)
{
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto at = reinterpret_cast<std::uintptr_t>(memory);
    const std::uintptr_t begin = (at + page - 1) & ~(page - 1), end = (at + size) & ~(page - 1);
    const int saved = errno;
    const bool done =
        end < begin + least_pages * page || madvise(reinterpret_cast<void *>(begin), end - begin, advice) == 0;
    errno = saved;
    return done;
}

} // namespace

bool populate(void *memory, std::size_t size)
{
    return advise(memory, size, 2, populate_write); // a page alone faults as cheaply
}

bool populate_for_reading(const void *memory, std::size_t size)
{
    constexpr std::size_t fault_around = 64 << 10; // that a fault maps of a file that is in memory (Linux, mm/memory.c)
    return advise(memory, size, 2 * fault_around / static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), populate_read);
}

} // namespace slicepatch
