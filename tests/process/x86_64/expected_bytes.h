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
inline const std::string breakpoint_bytes = "cc";         // int3
inline const std::string hook_bytes = "e9........909090"; // jmp; 3 nop

/// Where in the witness (arch/x86_64/witness.S) an opcode is: of the first form, behind its sizes.
inline constexpr int witness_opcode = 4;

/// The displacement of the request byte as it stands in an instruction.
inline std::string displacement(std::int32_t value)
{
    std::string text;
    for (int shift = 0; shift < 32; shift += 8) {
        char byte[3];
        std::snprintf(byte, sizeof byte, "%02x", static_cast<unsigned>(value >> shift) & 0xff);
        text += byte;
    }
    return text;
}

inline std::string expected_bytes(const std::string &kind, const std::string &state, std::int32_t slice_ctrl)
{
    const std::string any = "........";
    if (state == "off")
        return kind == "enter"  ? "660f1f840000000001"           // nopw 0x1000000(%rax,%rax)
               : kind == "exit" ? "0f1f840000000001660f1f440040" // nopl 0x1000000(%rax,%rax); nopw 0x40(%rax,%rax)
                                : "0f1f840000000001";
    if (state == "enabled")
        return kind == "enter"  ? "64c60425" + displacement(slice_ctrl) + "01"         // movb $1, %fs:slice_ctrl
               : kind == "exit" ? "64d02c25" + displacement(slice_ctrl) + "0f83" + any // shrb $1, ...; jnc
                                : "e9" + any + "0f1f00";                               // jmp
    return kind == "enter" ? "e9" + any + "0f1f4001" : "e9" + any + "0f1f00" + (kind == "exit" ? "0f83" + any : "");
}

} // namespace slicepatch::test

#endif
