// SPDX-License-Identifier: MIT
//
// How the enabled forms and the no-ops read when they are disassembled.
#ifndef SLICEPATCH_TESTS_TOOL_INSTRUCTIONS_H
#define SLICEPATCH_TESTS_TOOL_INSTRUCTIONS_H

#include <algorithm>
#include <fnmatch.h>
#include <string>

namespace slicepatch::test {

/// Exactly so many instructions, of which the text matches a glob.
inline bool reads_as(const std::string &text, const std::string &glob, int instructions)
{
    return fnmatch(glob.c_str(), text.c_str(), 0) == 0 && std::count(text.begin(), text.end(), ';') + 1 == instructions;
}

/// kind as in a row of dump; where: a glob for the offset of the request byte.
inline bool reads_as_enabled(const std::string &kind, const std::string &text, const std::string &where)
{
    if (kind == "enter")
        return reads_as(text, "mov byte ptr fs:\\[" + where + "\\], 1", 1);
    if (kind == "exit")
        return reads_as(text, "shr byte ptr fs:\\[" + where + "\\], 1; jnb 0x*", 2);
    return reads_as(text, "jmp 0x*; (3 bytes of filler)", 2);
}

inline bool reads_as_off(const std::string &kind, const std::string &text)
{
    return kind == "exit" ? reads_as(text, "nop *; nop *", 2) : reads_as(text, "nop *", 1);
}

/// An instruction may cross a boundary that the CPU fetches by.
inline constexpr bool heads_can_be_misaligned = true;

inline constexpr char sample_offset_text[] = "-0x44"; // sample_offset

} // namespace slicepatch::test

#endif
