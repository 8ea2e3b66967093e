// SPDX-License-Identifier: MIT
//
// What must stand at a live site as gdb disassembles it, from its first instruction on; behind a site stands the
// program's own code.
#ifndef SLICEPATCH_TESTS_EXAMPLES_INSTRUCTIONS_H
#define SLICEPATCH_TESTS_EXAMPLES_INSTRUCTIONS_H

#include <regex>

namespace slicepatch::test {

inline constexpr char syntax[] = "set disassembly-flavor intel";
inline constexpr char first_instructions[] = "x/2i ";

inline const std::regex enter_enabled(R"(\s*0x[0-9a-f]+: mov BYTE PTR fs:0x[0-9a-f]+,0x1\n[^]*)");
inline const std::regex
    exit_enabled(R"(\s*0x[0-9a-f]+: shr BYTE PTR fs:0x[0-9a-f]+,1\n\s*0x[0-9a-f]+: jae 0x[0-9a-f]+[^]*)");
inline const std::regex enter_off(R"(\s*0x[0-9a-f]+: nop WORD PTR [^]*)");
inline const std::regex exit_off(R"(\s*0x[0-9a-f]+: nop DWORD PTR .*\n\s*0x[0-9a-f]+: nop WORD PTR [^]*)");

} // namespace slicepatch::test

#endif
