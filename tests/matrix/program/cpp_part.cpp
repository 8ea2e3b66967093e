// SPDX-License-Identifier: MIT
#include "parts.h"
#include "templates.hpp"

#include <mutex>
#include <stdexcept>

namespace {

slicepatch::spinlock spinlock;
slicepatch::lock_adapter<std::mutex> adapted;

[[gnu::noinline]] void count_or_throw(unsigned long &counter, bool throws)
{
    const std::lock_guard guard(adapted);
    if (throws)
        throw std::runtime_error("through a section");
    ++counter;
}

} // namespace

unsigned long run_cpp_part(unsigned long times)
{
    unsigned long counter = 0;
    for (unsigned long i = 0; i < times; ++i) {
        {
            const std::lock_guard guard(spinlock);
            count_up(counter);
        }
        count_in_scope(counter);
        try {
            count_or_throw(counter, i % 2);
        } catch (const std::runtime_error &) {
            ++counter;
        }
    }
    return counter / 3;
}

void never_called_in_cpp()
{
    unsigned number = 0;
    SLICEPATCH_ENTER_AS("unused");
    count_up(number);
    SLICEPATCH_EXIT_AS("unused");
}
