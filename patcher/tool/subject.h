// SPDX-License-Identifier: MIT
//
// What `dump` and `verify` look at: files, or the objects of a process. One bad file does not hide the others.
#ifndef SLICEPATCH_TOOL_SUBJECT_H
#define SLICEPATCH_TOOL_SUBJECT_H

#include "commands.h"
#include "site_view.h"

#include <array>
#include <functional>

namespace slicepatch::tool {

/// Throws Error if neither a file nor a process is named.
void require_one(const Subject &subject);

struct Visited {
    std::size_t objects = 0; // with sites
    bool unreadable = false; // a message on stderr says what
};

using Visitor = std::function<void(const ObjectView &object, const ElfFile *file)>;

/// Calls the visitor for each file, or for each object of the process that has sites or problems. file may be null.
/// Throws Error if the process is not to be read, or ends meanwhile, and Changed if it does not hold still.
Visited visit(const Subject &subject, const Visitor &visitor);

/// "no backend for machine 183 (AArch64)": what a build without that architecture cannot say about the object.
[[nodiscard]] std::string missing_backend_text(std::uint16_t machine);
/// "x86-64", "AArch64", "machine 8"
[[nodiscard]] std::string machine_text(std::uint16_t machine);

/// "3 sites in 1 object: 3 compiled, 0 enabled, 0 off, 0 foreign"
class StateCounts {
public:
    void add(const ObjectView &object);
    [[nodiscard]] std::size_t sites() const;
    [[nodiscard]] std::string text() const;

private:
    std::size_t objects_ = 0;
    std::array<std::size_t, 4> states_{}; // by State
    std::size_t unknown_ = 0;
};

} // namespace slicepatch::tool

#endif
