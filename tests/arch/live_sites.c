/* SPDX-License-Identifier: MIT */
#include <slicepatch/slicepatch.h>

int seen_inside(const volatile uint8_t *request);
int seen_inside_stepwise(const volatile uint8_t *request);

/* What the request byte is between the two marks; of the first function -1, where its branch says that nobody asks. */
int seen_inside(const volatile uint8_t *request)
{
    SLICEPATCH_ENTER_AS("at once");
    const int seen = *request;
    SLICEPATCH_EXIT_AS("at once");
    return slicepatch_enabled_as("at once") ? seen : -1;
}

int seen_inside_stepwise(const volatile uint8_t *request)
{
    SLICEPATCH_ENTER_AS("word by word");
    const int seen = *request;
    SLICEPATCH_EXIT_AS("word by word");
    return seen;
}
