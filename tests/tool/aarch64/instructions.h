// SPDX-License-Identifier: MIT
//
// How the enabled forms and those that are off read when they are disassembled.
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
        return reads_as(text, "nop; mrs x16, tpidr_el0; *; movz w17, #0x1; st*b w17, \\[x16, #" + where + "\\]", 5);
    if (kind == "exit")
        return reads_as(text,
                        "nop; mrs x16, tpidr_el0; *; st*b wzr, \\[x16, #" + where +
                            "\\]; ld*b w16, \\[x16, #*\\]; cbz w16, #0x*; b #0x*",
                        7);
    return reads_as(text, "b #0x*", 1);
}

/// Around the rest of the site, whatever is there.
inline bool reads_as_off(const std::string &kind, const std::string &text)
{
    if (kind == "branch")
        return reads_as(text, "nop", 1);
    return reads_as(text, "b #0x*; mrs *", kind == "exit" ? 7 : 5);
}

/// All instructions are aligned.
inline constexpr bool heads_can_be_misaligned = false;

inline constexpr char sample_offset_text[] = "-0x44"; // sample_offset

} // namespace slicepatch::test

#endif
