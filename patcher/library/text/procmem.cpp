// SPDX-License-Identifier: MIT
#include "procmem.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace slicepatch {

ProcMem::~ProcMem()
{
    if (file_ >= 0)
        close(file_);
}

Status ProcMem::write(std::uintptr_t address, const void *bytes, std::size_t size)
{
    if (!opened_)
        file_ = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    opened_ = true;
    for (std::size_t done = 0; done < size;) {
        const ssize_t written = file_ < 0 ? -1
                                          : pwrite(file_, static_cast<const std::uint8_t *>(bytes) + done, size - done,
                                                   static_cast<off_t>(address + done));
        if (written <= 0 && !(written < 0 && errno == EINTR))
            return Status::write_refused;
        done += written > 0 ? static_cast<std::size_t>(written) : 0;
    }
    return Status::ok;
}

} // namespace slicepatch
