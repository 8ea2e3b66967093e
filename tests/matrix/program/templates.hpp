// SPDX-License-Identifier: MIT
//
// Functions that several translation units instantiate, so that the linker keeps one of each, with its sites.
#ifndef SLICEPATCH_TESTS_MATRIX_TEMPLATES_HPP
#define SLICEPATCH_TESTS_MATRIX_TEMPLATES_HPP

#include <slicepatch/slicepatch.hpp>

template <class Number> [[gnu::noinline]] Number count_up(Number &counter)
{
    SLICEPATCH_ENTER();
    ++counter;
    SLICEPATCH_EXIT();
    return counter;
}

[[gnu::noinline]] inline unsigned long count_in_scope(unsigned long &counter)
{
    const slicepatch::critical_section section;
    return ++counter;
}

#endif
