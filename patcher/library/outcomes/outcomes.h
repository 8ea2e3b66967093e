// SPDX-License-Identifier: MIT
//
// What the kernel did at each site, counted in the cold blocks, for those who asked for it (SLICEPATCH_COUNT).
#ifndef SLICEPATCH_OUTCOMES_H
#define SLICEPATCH_OUTCOMES_H

#include "patcher/library/sites/sites.h"
#include "table.h"

namespace slicepatch {

/// Has the sites of each object counted from here on; where they are already, nothing changes. The objects are told by
/// tell_of_outcomes(). Frees what was counted in objects that are gone. Without memory for a table, the sites of its
/// object and of later ones are not counted. Call it under the loader's lock.
Status make_outcome_tables(const SiteList &list);
void tell_of_outcomes(const SiteList &list);

/// What was counted at a site of an object up to now; all 0 where nobody counts.
SiteOutcomes outcomes_of(const slicepatch_object_state &state, const slicepatch_site_record &record);

/// A line on standard error for each label, or place where a site has none, with what was counted there.
void print_outcomes();

} // namespace slicepatch

#endif
