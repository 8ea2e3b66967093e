/* SPDX-License-Identifier: MIT */
#include "debugged.h"

#include <slicepatch/slicepatch.h>

void leave_elsewhere(void)
{
    SLICEPATCH_EXIT_AS("handed over");
}

void leave_outermost_elsewhere(void)
{
    SLICEPATCH_EXIT_OUTERMOST();
}
