// SPDX-License-Identifier: MIT
//
// Text that other processes share for writing (MAP_SHARED). The state that sites are patched for belongs to a process,
// so that a patch there would be one for processes that need not have it.
#ifndef SLICEPATCH_SHARING_H
#define SLICEPATCH_SHARING_H

#include "patcher/library/sites/sites.h"

namespace slicepatch {

/// Each site in such text is trouble of its group. Asks the kernel once for each mapping; where it does not answer
/// (Linux before 6.11, no /proc, a filter of system calls), text counts as this process's own. No kernel with time slice
/// extensions is that old, and with any other, all processes want the same bytes.
void find_shared_text(SiteList &list);

} // namespace slicepatch

#endif
