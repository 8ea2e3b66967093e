/* SPDX-License-Identifier: MIT */
/* Every macro in every place where a statement or an expression may be, as C and as C++. */
#include <slicepatch/slicepatch.h>

int use_statements(int value);
int use_expressions(int value);

int use_statements(int value)
{
    SLICEPATCH_ENTER();
    value += 1;
    SLICEPATCH_EXIT();
    if (value)
        SLICEPATCH_ENTER_AS("branch of an if");
    else
        SLICEPATCH_ENTER_AS("branch of an else");
    SLICEPATCH_EXIT_AS("branch of an if");
    for (int i = 0; i < value; ++i)
        SLICEPATCH_ENTER_OUTERMOST();
    do
        SLICEPATCH_EXIT_OUTERMOST();
    while (--value > 0);
    SLICEPATCH_ENTER_OUTERMOST_AS("a label of one's own");
    SLICEPATCH_EXIT_OUTERMOST_AS("a label of one's own");
    return value;
}

int use_expressions(int value)
{
    (void)(value ? SLICEPATCH_ENTER() : SLICEPATCH_EXIT());
    (void)(value ? SLICEPATCH_ENTER_AS("one") : SLICEPATCH_EXIT_AS("one"));
    (void)(value ? SLICEPATCH_ENTER_OUTERMOST() : SLICEPATCH_EXIT_OUTERMOST());
    value = ((void)SLICEPATCH_ENTER_OUTERMOST_AS("two"), (void)SLICEPATCH_EXIT_OUTERMOST_AS("two"), value);
    if (slicepatch_enabled())
        value = slicepatch_enabled_as("an answer") ? 1 : 2;
    while (value > 0 && !slicepatch_enabled())
        value -= 1;
    return slicepatch_enabled() ? value : -value;
}
