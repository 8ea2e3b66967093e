// SPDX-License-Identifier: MIT
//
// One record of a site: what it names, and whether that can be true.
#ifndef SLICEPATCH_RECORD_H
#define SLICEPATCH_RECORD_H

#include "arch/backend.h"

#include <slicepatch/site.h>

namespace slicepatch {

class Functions;
class Image;

/// What an int32_t field of a record names, as an address.
inline std::uintptr_t named_by(const std::int32_t &field)
{
    return reinterpret_cast<std::uintptr_t>(&field) + static_cast<std::uintptr_t>(std::intptr_t{field});
}

// Here, because it is asked several times for every site of a process.
inline Place site_place(const slicepatch_site_record &record)
{
    return {named_by(record.head), named_by(record.cold), named_by(record.taken)};
}
const char *site_label(const slicepatch_site_record &record); // null: none
const char *site_file(const slicepatch_site_record &record);  // "" if none

/// Everything about a record that can be checked without its neighbours. Strings come in runs: one that was checked for
/// the record before, if that is given, is not read again.
Status check_record(const Backend &backend, const Image &image, const Functions &functions,
                    const slicepatch_site_record &record, const slicepatch_site_record *before);

} // namespace slicepatch

#endif
