// SPDX-License-Identifier: MIT
//
// Counts what a loop's body executes, exactly: a forked child runs it one instruction at a time.
#ifndef SLICEPATCH_BENCH_COUNT_H
#define SLICEPATCH_BENCH_COUNT_H

#include <cstddef>
#include <cstdint>

namespace slicepatch::tool::bench {

/// Of one iteration, or the difference of two such.
struct Counts {
    std::int64_t instructions; // no-ops included
    std::int64_t noops;
    std::int64_t loads, stores;
    std::int64_t branches;
    std::int64_t bytes; // of the distinct instructions executed: what the instruction cache has to hold

    Counts operator-(const Counts &other) const;
};

/// One iteration in the steady state. Throws Error, also when one iteration is not like the next.
Counts count_iteration(void (*run)(std::size_t iterations));

} // namespace slicepatch::tool::bench

#endif
