// SPDX-License-Identifier: MIT
//
// Which sites of an object share every decision.
#ifndef SLICEPATCH_GROUPS_H
#define SLICEPATCH_GROUPS_H

#include "image.h"
#include "sites.h"

namespace slicepatch {

/// Gives a group to each of an object's sites, from begin to the end of the list, in the order of their addresses. They
/// are those of one label, or of one function where they have no label; the groups of a folded site's records are
/// united, and those of a function's parts. functions: the object's.
Status group_sites(std::uint32_t object, Site *begin, Functions &functions, SiteList &list);

} // namespace slicepatch

#endif
