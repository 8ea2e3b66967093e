// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_PROCMEM_H
#define SLICEPATCH_PROCMEM_H

#include "arch/status.h"

#include <cstddef>
#include <cstdint>

namespace slicepatch {

/// The process's own memory, opened when it is first written to.
class ProcMem {
public:
    ProcMem() = default;
    ProcMem(const ProcMem &) = delete;
    ProcMem &operator=(const ProcMem &) = delete;
    ~ProcMem();
    /// On write_refused some of the bytes may have been written.
    Status write(std::uintptr_t address, const void *bytes, std::size_t size);

private:
    int file_ = -1;
    bool opened_ = false;
};

} // namespace slicepatch

#endif
