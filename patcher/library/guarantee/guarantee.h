// SPDX-License-Identifier: MIT
//
// Which guarantee there is: a pure function of the facts, the area that sites use, and what the user asks for. The only
// place where a level is decided.
#ifndef SLICEPATCH_GUARANTEE_H
#define SLICEPATCH_GUARANTEE_H

#include "area.h"
#include "facts.h"
#include "request.h"

#include <slicepatch/slicepatch.h>

namespace slicepatch {

struct Guarantee {
    slicepatch_guarantee level;
    char reason[192];
};

/// Null, or why SLICEPATCH_GUARANTEE_PROCESS is out of reach, whatever else is done. Static storage.
const char *process_obstacle(const KernelFacts &facts, const GuaranteeRequest &request);

/// None, for a reason that the caller knows: what was required is not there.
Guarantee no_guarantee(const char *reason);

/// The state to ask the kernel for (SET), on the calling thread or for the process; 0: there is nothing to ask. Never
/// takes anything away.
unsigned long state_to_set(const KernelFacts &facts, const Area &area, const GuaranteeRequest &request);

/// The guarantee, once the kernel has answered to that; the answer counts only where there was something to ask.
Guarantee decide_guarantee(const KernelFacts &facts, const Area &area, const GuaranteeRequest &request, long answer);

/// The guarantee of a process that has been sealed (seal.h).
Guarantee sealed_guarantee();

} // namespace slicepatch

#endif
