// SPDX-License-Identifier: MIT
//
// The bytes of each site in each state, written down by hand from the instruction set reference. "." is any digit: a
// relative target.
#ifndef SLICEPATCH_TESTS_PROCESS_EXPECTED_BYTES_H
#define SLICEPATCH_TESTS_PROCESS_EXPECTED_BYTES_H

#include <cstdint>
#include <cstdio>
#include <string>

namespace slicepatch::test {

// What obstacles.c puts over the beginning of a site.
inline const std::string breakpoint_bytes = "000020d4"; // brk #0
inline const std::string hook_bytes = ".f....b4";       // cbz xzr

/// Where in the witness (arch/aarch64/witness.S) an opcode is: in the last byte of the first form's first instruction.
inline constexpr int witness_opcode = 7;

/// An instruction as it lies in memory.
inline std::string word(std::uint32_t instruction)
{
    std::string text;
    for (int shift = 0; shift < 32; shift += 8) {
        char byte[3];
        std::snprintf(byte, sizeof byte, "%02x", instruction >> shift & 0xff);
        text += byte;
    }
    return text;
}

/// What stands in the slots that depend on the place of the request byte.
struct Access {
    std::string move, store_one, store_zero, load_next;
};

inline Access access(std::int32_t slice_ctrl)
{
    const std::string nop = "1f2003d5";
    if (slice_ctrl >= -256 && slice_ctrl < 0) {
        const auto signed_offset = [](std::int32_t offset) {
            return (static_cast<std::uint32_t>(offset) & 0x1ff) << 12;
        };
        return {nop,
                word(0x38000211 | signed_offset(slice_ctrl)),      // sturb w17, [x16, #offset]
                word(0x3800021f | signed_offset(slice_ctrl)),      // sturb wzr, [x16, #offset]
                word(0x38400210 | signed_offset(slice_ctrl + 1))}; // ldurb w16, [x16, #offset]
    }
    const std::int32_t pages = slice_ctrl >> 12;
    const auto units = static_cast<std::uint32_t>(pages < 0 ? -pages : pages) << 10;
    const auto offset = static_cast<std::uint32_t>(slice_ctrl & 0xfff) << 10;
    return {pages == 0 ? nop : word((pages > 0 ? 0x91400210 : 0xd1400210) | units), // add or sub x16, x16, #n, lsl #12
            word(0x39000211 | offset),                                              // strb w17, [x16, #offset]
            word(0x3900021f | offset),                                              // strb wzr, [x16, #offset]
            word(0x39400210 | (offset + (1 << 10)))};                               // ldrb w16, [x16, #offset]
}

inline std::string expected_bytes(const std::string &kind, const std::string &state, std::int32_t slice_ctrl)
{
    const std::string jump = "......1[4-7]", nop = "1f2003d5", mrs = "50d03bd5", mov = "31008052", cbz = "50000034";
    if (kind == "branch")
        return state == "off" ? nop : jump;
    const bool enabled = state == "enabled";
    const std::string over = kind == "enter" ? "05000014" : "07000014"; // b to the end of the site
    const std::string head = enabled ? nop : state == "off" ? over : jump;
    const Access at = access(slice_ctrl);
    if (kind == "enter")
        return head + mrs + (enabled ? at.move + mov + at.store_one : nop + mov + nop);
    return head + mrs + (enabled ? at.move + at.store_zero + at.load_next : nop + nop + nop) + cbz + jump;
}

} // namespace slicepatch::test

#endif
