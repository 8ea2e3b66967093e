// SPDX-License-Identifier: MIT
//
// Marks in the text of a file, found without its table, which tell a file that has lost it from one without marks.
#ifndef SLICEPATCH_TOOL_MARKED_TEXT_H
#define SLICEPATCH_TOOL_MARKED_TEXT_H

#include "../../arch/backend.h"
#include "elf_file.h"

namespace slicepatch::tool {

struct Mark {
    std::uint64_t address; // link-time
    Kind kind;
};

/// Every ENTER and EXIT as compiled, by address. A branch is not told from a jump of the compiler's own. Empty where
/// this build has no backend for the file.
[[nodiscard]] std::vector<Mark> find_marked_text(const ElfFile &file);

} // namespace slicepatch::tool

#endif
