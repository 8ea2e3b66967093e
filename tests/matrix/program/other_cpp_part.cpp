// SPDX-License-Identifier: MIT
#include "parts.h"
#include "templates.hpp"

unsigned long run_other_cpp_part(unsigned long times)
{
    unsigned long counter = 0;
    for (unsigned long i = 0; i < times; ++i) {
        count_up(counter);
        count_in_scope(counter);
        counter -= slicepatch_enabled() ? 1 : 1;
    }
    return counter;
}
