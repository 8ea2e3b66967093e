// SPDX-License-Identifier: MIT
//
// How the enabled forms read when they are disassembled.
#ifndef SLICEPATCH_TESTS_TOOL_INSTRUCTIONS_H
#define SLICEPATCH_TESTS_TOOL_INSTRUCTIONS_H

#include <regex>
#include <string>

namespace slicepatch::test {

/// kind as in a row of dump; where: a regular expression for the request byte's offset.
inline bool reads_as_enabled(const std::string &kind, const std::string &text, const std::string &where)
{
    const std::string form = kind == "enter"  ? "mov byte ptr fs:\\[" + where + "\\], 1"
                             : kind == "exit" ? "shr byte ptr fs:\\[" + where + "\\], 1; jnb 0x[0-9a-f]+"
                                              : "jmp 0x[0-9a-f]+; \\(3 bytes of filler\\)";
    return std::regex_match(text, std::regex(form));
}

inline bool reads_as_off(const std::string &kind, const std::string &text)
{
    const std::string nop = "nop \\[[^;]*";
    return std::regex_match(text, std::regex(kind == "exit" ? nop + "; " + nop : nop));
}

inline constexpr char sample_offset_text[] = "-0x44"; // sample_offset

} // namespace slicepatch::test

#endif
