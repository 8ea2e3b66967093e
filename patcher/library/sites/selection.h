// SPDX-License-Identifier: MIT
//
// Which groups of sites the user has chosen, by their labels or the names of their functions.
#ifndef SLICEPATCH_SELECTION_H
#define SLICEPATCH_SELECTION_H

#include "globs.h"
#include "sites.h"

namespace slicepatch {

/// A group that is a function, or a part of one.
struct NamedGroup {
    std::uint32_t object, group;
    std::uint64_t name; // hash of the function's name: those that are equal are one, and it does no harm if others are
};

struct Selection {
    Array<bool> groups;            // of the list: whether it is selected
    Array<NamedGroup> names;       // where names decide, in the order of objects and names
    const char *unnamed = nullptr; // the first object with functions whose names cannot be read, as Object has it
    Unmatched unmatched{};         // globs that no group matches
};

/// Fills in what globs (see selects()) say of each group. A function that has no name, in an object without symbols, is
/// what a list makes of those that it does not match; one whose name cannot be read is not selected, since it may be
/// the one that the list excludes. Opens files, so call it before signals are blocked, under the loader's lock.
Status select_groups(const SiteList &list, const char *globs, Selection &selection);

} // namespace slicepatch

#endif
