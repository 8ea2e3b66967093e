// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TOOL_FINDINGS_H
#define SLICEPATCH_TOOL_FINDINGS_H

#include "elf_file.h"
#include "site_view.h"

#include <string>
#include <vector>

namespace slicepatch::tool {

struct Finding {
    const SiteView *site; // null: about the object
    std::string text;
};

/// What is wrong with an object's sites, one by one and as groups. file: what is on disk of it, null if that cannot be
/// read; live: the object is one of a process. The findings point into the object.
std::vector<Finding> find_faults(const ObjectView &object, const ElfFile *file, bool live);

} // namespace slicepatch::tool

#endif
