// SPDX-License-Identifier: MIT
//
// What a pair of marks executes, from the listings in <slicepatch/arch/x86_64.h>.
#ifndef SLICEPATCH_TESTS_BENCH_EXPECTED_COUNTS_H
#define SLICEPATCH_TESTS_BENCH_EXPECTED_COUNTS_H

#include "../pair_counts.h"

namespace slicepatch::test {

/// mov; shr, jnc. Heads are aligned by at most two no-ops of at most seven bytes.
inline constexpr PairCounts enabled_pair{
    .instructions = {3, 5},
    .working = {3, 3},
    .noops = {0, 2},
    .loads = {1, 1},  // shr
    .stores = {2, 2}, // mov, shr
    .branches = {1, 1},
    .bytes = {23, 23 + 14},
};

/// What the function of a single pair has besides: clang's needs a frame for the call in its cold block, push and pop.
inline constexpr PairCounts function_of_pair{
#ifdef __clang__
    .instructions = {2, 2},
    .working = {2, 2},
    .noops = {0, 0},
    .loads = {1, 1},
    .stores = {1, 1},
    .branches = {0, 0},
    .bytes = {2, 2},
#endif
};

/// A no-op for each instruction above.
inline constexpr PairCounts off_pair{
    .instructions = {3, 5},
    .working = {0, 0},
    .noops = {3, 5},
    .loads = {0, 0},
    .stores = {0, 0},
    .branches = {0, 0},
    .bytes = {23, 23 + 14},
};

} // namespace slicepatch::test

#endif // SLICEPATCH_TESTS_BENCH_EXPECTED_COUNTS_H
