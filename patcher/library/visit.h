// SPDX-License-Identifier: MIT
//
// Each site of this process as a user sees it.
#ifndef SLICEPATCH_VISIT_H
#define SLICEPATCH_VISIT_H

#include "arch/backend.h"

#include <slicepatch/slicepatch.h>

namespace slicepatch {

/// Tells visit of each site in the order of their addresses, until it answers with another value than 0, which is the
/// answer then. Call it under the loader's lock.
Status visit_sites(int (*visit)(const slicepatch_site_info *site, void *data), void *data, int &answer);

} // namespace slicepatch

#endif
