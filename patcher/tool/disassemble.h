// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TOOL_DISASSEMBLE_H
#define SLICEPATCH_TOOL_DISASSEMBLE_H

#include <cstdint>
#include <span>
#include <string>

namespace slicepatch::tool {

/// The instructions of a site, joined by "; ". A no-op right behind an unconditional jump is said to be filler: it is
/// there to give the head its size. Empty for a machine that no disassembler of this build knows.
[[nodiscard]] std::string disassemble(std::uint16_t machine, std::uint64_t address,
                                      std::span<const std::uint8_t> bytes);

} // namespace slicepatch::tool

#endif
