// SPDX-License-Identifier: MIT
//
// The result of init, for people and for slicepatch_get_report().
#ifndef SLICEPATCH_REPORT_H
#define SLICEPATCH_REPORT_H

#include "patch.h"

namespace slicepatch {

const char *guarantee_name(int guarantee);

/// Everything but size, duration and the counts of threads.
void fill_report(const PatchResult &result, slicepatch_report &report);

/// One line on standard error for each site that is not as it was meant to be.
void print_failures(const PatchResult &result);

} // namespace slicepatch

#endif
