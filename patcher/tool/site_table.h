// SPDX-License-Identifier: MIT
//
// The records of an object, found as the patcher finds them: note -> table.
#ifndef SLICEPATCH_TOOL_SITE_TABLE_H
#define SLICEPATCH_TOOL_SITE_TABLE_H

#include "elf_image.h"

#include <slicepatch/site.h>

namespace slicepatch::tool {

struct Record {
    std::uint64_t address; // of the record; its distances count from its fields
    slicepatch_site_record fields;

    /// What a distance field names; 0 for none.
    [[nodiscard]] std::uint64_t named_by(std::int32_t slicepatch_site_record::*field) const;
};

struct SiteTable {
    std::vector<Record> records;
    std::vector<std::string> problems; // each a sentence without the object's name
};

/// More than any program has; a table that claims more is not believed.
inline constexpr std::uint64_t most_records = 1U << 20;

/// Never throws for what an object says: that becomes a problem.
[[nodiscard]] SiteTable read_site_table(const ElfImage &image);

} // namespace slicepatch::tool

#endif
