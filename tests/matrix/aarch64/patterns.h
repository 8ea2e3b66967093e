// SPDX-License-Identifier: MIT
//
// What a compiled site looks like, found without the table of sites: a jump, and the instructions behind it. Those of
// ENTER and of EXIT no compiler writes; a branch is any other jump.
#ifndef SLICEPATCH_TESTS_MATRIX_PATTERNS_H
#define SLICEPATCH_TESTS_MATRIX_PATTERNS_H

#include <cstddef>
#include <cstdint>
#include <cstring>

inline constexpr std::size_t site_alignment = 4;
inline constexpr int branch_kind = 3; // SLICEPATCH_SITE_BRANCH: "may be one"

/// SLICEPATCH_SITE_... of the site that begins here, 0 if none does.
inline int site_kind_at(const std::uint8_t *bytes, std::size_t size)
{
    constexpr std::size_t jump = 4;
    // mrs x16, tpidr_el0 = d53bd050, nop = d503201f, mov w17, #1 = 52800031, cbz w16, +8 = 34000050: Arm ARM, C6.2
    constexpr std::uint8_t enter_tail[] = {0x50, 0xd0, 0x3b, 0xd5, 0x1f, 0x20, 0x03, 0xd5,
                                           0x31, 0x00, 0x80, 0x52, 0x1f, 0x20, 0x03, 0xd5};
    constexpr std::uint8_t exit_tail[] = {0x50, 0xd0, 0x3b, 0xd5, 0x1f, 0x20, 0x03, 0xd5, 0x1f, 0x20,
                                          0x03, 0xd5, 0x1f, 0x20, 0x03, 0xd5, 0x50, 0x00, 0x00, 0x34};
    const auto has = [&](std::size_t offset, const auto &expected) {
        return offset + sizeof expected <= size && !std::memcmp(bytes + offset, expected, sizeof expected);
    };
    const auto jumps = [&](std::size_t offset) { // b: 000101 and 26 bits of distance
        return offset + jump <= size && bytes[offset + 3] >> 2 == 0b000101;
    };
    if (!jumps(0))
        return 0;
    if (has(jump, enter_tail))
        return 1;
    return has(jump, exit_tail) && jumps(jump + sizeof exit_tail) ? 2 : branch_kind;
}

#endif
