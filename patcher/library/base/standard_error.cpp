// SPDX-License-Identifier: MIT
#include "standard_error.h"

#include <cerrno>
#include <cstddef>
#include <sys/syscall.h>
#include <unistd.h>

namespace slicepatch {

namespace {

/// False when the rest can be forgotten: the descriptor is closed, full, or nobody reads it.
bool write_all(const char *bytes, std::size_t size)
{
    while (size) {
        const long written = syscall(SYS_write, STDERR_FILENO, bytes, size); // libc's write() is a cancellation point
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        size -= static_cast<std::size_t>(written);
    }
    return true;
}

} // namespace

void print_pieces(std::initializer_list<const char *> pieces)
{
    const int saved = errno;
    char buffer[1024];
    std::size_t used = 0;
    bool open = true;
    for (const char *piece : pieces)
        for (; open && *piece; ++piece) {
            buffer[used++] = *piece;
            if (used == sizeof buffer) {
                open = write_all(buffer, used);
                used = 0;
            }
        }
    if (open)
        (void)write_all(buffer, used); // nobody else is there to tell
    errno = saved;
}

} // namespace slicepatch
