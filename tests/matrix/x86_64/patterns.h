// SPDX-License-Identifier: MIT
//
// What a compiled site looks like, found without the table of sites: a jump of five bytes on a multiple of 8, and what
// follows it. That of ENTER and of EXIT no compiler writes; that of a branch is also a jump before an aligned label.
#ifndef SLICEPATCH_TESTS_MATRIX_PATTERNS_H
#define SLICEPATCH_TESTS_MATRIX_PATTERNS_H

#include <cstddef>
#include <cstdint>
#include <cstring>

inline constexpr std::size_t site_alignment = 8;
inline constexpr int branch_kind = 3; // SLICEPATCH_SITE_BRANCH: "may be one"

/// SLICEPATCH_SITE_... of the site that begins here, 0 if none does.
inline int site_kind_at(const std::uint8_t *bytes, std::size_t size)
{
    constexpr std::size_t jump = 5;
    constexpr std::uint8_t enter_filler[] = {0x0f, 0x1f, 0x40, 0x01}, other_filler[] = {0x0f, 0x1f, 0x00};
    constexpr std::uint8_t exit_tail[] = {0x0f, 0x83};
    const auto has = [&](std::size_t offset, const auto &expected) {
        return offset + sizeof expected <= size && !std::memcmp(bytes + offset, expected, sizeof expected);
    };
    if (size < 8 || bytes[0] != 0xe9)
        return 0;
    if (has(jump, enter_filler))
        return 1;
    if (!has(jump, other_filler))
        return 0;
    return has(8, exit_tail) ? 2 : branch_kind;
}

#endif
