// SPDX-License-Identifier: MIT
//
// One site as a user sees it: a row of `dump`, from a file or from a process.
#ifndef SLICEPATCH_TOOL_SITE_VIEW_H
#define SLICEPATCH_TOOL_SITE_VIEW_H

#include "../../arch/backend.h"
#include "elf_file.h"
#include "patcher/library/outcomes/table.h"
#include "printable.h"

#include <slicepatch/site.h>

#include <nlohmann/json_fwd.hpp>

namespace slicepatch::tool {

/// The bytes of a site in one place, and what they mean. No state: no backend of this build understands them.
struct Reading {
    std::optional<State> state;
    std::int64_t slice_ctrl = 0; // of an enabled ENTER or EXIT
    std::vector<std::uint8_t> bytes;
    std::string disassembly;
};

struct SiteView {
    std::string object;
    std::uint64_t address; // in the process, or link-time in a file
    std::uint64_t link_address;
    std::uint64_t cold, taken;
    std::uint8_t kind;
    std::string label; // empty: none
    std::string function, file;
    std::uint32_t line;
    std::uint64_t function_start; // link-time address; 0: no unwind entry covers the site
    std::uint32_t group;          // sites of one number share every decision: the library's own groups
    Reading now;
    std::optional<Reading> on_disk;      // beside a live one, where asked for
    std::optional<SiteOutcomes> counted; // of an EXIT of a process that counts
    std::string trouble;                 // what is wrong with the record or the bytes; empty if nothing is
};

/// All sites of one object.
struct ObjectView {
    std::string name;
    std::uint16_t machine;
    bool has_backend;
    Status trouble;              // why the library leaves the whole object out, which is the first of the problems
    std::vector<SiteView> sites; // by address
    std::vector<std::string> problems;
    std::uint64_t counters = 0; // where the process has what its sites count; 0: it does not count
};

/// file gives names, and with compare the bytes on disk; it may be null, or the image itself. Throws Error for an
/// object that cannot be laid out.
[[nodiscard]] ObjectView view_object(const ElfImage &image, const ElfFile *file, bool compare);

[[nodiscard]] std::string kind_text(std::uint8_t kind);
[[nodiscard]] std::string state_text(const std::optional<State> &state);
[[nodiscard]] std::string bytes_text(const std::vector<std::uint8_t> &bytes);
/// "enter at 0x401180, label "x", main.c:12", as far as known.
[[nodiscard]] std::string describe(const SiteView &site);

[[nodiscard]] nlohmann::ordered_json to_json(const SiteView &site);

} // namespace slicepatch::tool

#endif
