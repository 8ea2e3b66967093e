// SPDX-License-Identifier: MIT
//
// What must stand at a live site as gdb disassembles it, from its first instruction on; behind a site stands the
// program's own code.
#ifndef SLICEPATCH_TESTS_EXAMPLES_INSTRUCTIONS_H
#define SLICEPATCH_TESTS_EXAMPLES_INSTRUCTIONS_H

#include <regex>

namespace slicepatch::test {

inline constexpr char syntax[] = "set disassembler-options aliases"; // "mov", not "movz"
inline constexpr char first_instructions[] = "x/7i ";

// The third instruction adds the far part of the offset, if there is one.
inline const std::regex
    enter_enabled(R"(\s*0x[0-9a-f]+: nop\s*\n.*: mrs x16, tpidr_el0\s*\n.*: (nop|(add|sub) x16, x16, .*)\n)"
                  R"(.*: mov w17, #0x1 .*\n.*: stu?rb w17, \[x16, #-?[0-9]+\]\n[^]*)");
inline const std::regex
    exit_enabled(R"(\s*0x[0-9a-f]+: nop\s*\n.*: mrs x16, tpidr_el0\s*\n.*: (nop|(add|sub) x16, x16, .*)\n)"
                 R"(.*: stu?rb wzr, \[x16, #-?[0-9]+\]\n.*: ldu?rb w16, \[x16, #-?[0-9]+\]\n)"
                 R"(.*: cbz w16, 0x[0-9a-f]+.*\n.*: b 0x[0-9a-f]+[^]*)");
inline const std::regex enter_off(R"(\s*0x[0-9a-f]+: b 0x[0-9a-f]+[^]*)");
inline const std::regex exit_off(R"(\s*0x[0-9a-f]+: b 0x[0-9a-f]+[^]*)");

} // namespace slicepatch::test

#endif
