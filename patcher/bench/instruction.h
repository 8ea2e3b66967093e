// SPDX-License-Identifier: MIT
//
// What one instruction of this program does, as a decoder sees it.
#ifndef SLICEPATCH_BENCH_INSTRUCTION_H
#define SLICEPATCH_BENCH_INSTRUCTION_H

#include <cstdint>

namespace slicepatch::tool::bench {

struct Effects {
    unsigned length;        // bytes
    unsigned loads, stores; // operands in memory, of any size
    bool branch;            // any transfer of control: jump, call, return
    bool noop;
};

/// Throws Error for bytes that are no instruction.
Effects decode_effects(std::uintptr_t address);

} // namespace slicepatch::tool::bench

#endif
