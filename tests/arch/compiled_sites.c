/* SPDX-License-Identifier: MIT */
#include <slicepatch/slicepatch.h>

void compiled_sites(volatile int *value);

void compiled_sites(volatile int *value)
{
    SLICEPATCH_ENTER_AS("compiled_sites");
    *value = *value + 1;
    SLICEPATCH_EXIT_AS("compiled_sites");
    if (slicepatch_enabled_as("compiled_sites"))
        *value = -1;
}
