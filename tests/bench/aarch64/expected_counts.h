// SPDX-License-Identifier: MIT
//
// What a pair of marks executes, from the listings in <slicepatch/arch/aarch64.h>.
#ifndef SLICEPATCH_TESTS_BENCH_EXPECTED_COUNTS_H
#define SLICEPATCH_TESTS_BENCH_EXPECTED_COUNTS_H

#include "../pair_counts.h"

namespace slicepatch::test {

/// nop, mrs, add, mov, strb; nop, mrs, add, strb, ldrb, cbz, which jumps over the last slot. Each add is a nop where
/// the rseq area is near the thread pointer.
inline constexpr PairCounts enabled_pair{
    .instructions = {11, 11},
    .working = {7, 9},
    .noops = {2, 4},
    .loads = {1, 1},
    .stores = {2, 2},
    .branches = {1, 1},
    .bytes = {44, 44},
};

/// What the function of a single pair has besides.
inline constexpr PairCounts function_of_pair{};

/// b, b: each head jumps over the rest of its site.
inline constexpr PairCounts off_pair{
    .instructions = {2, 2},
    .working = {2, 2},
    .noops = {0, 0},
    .loads = {0, 0},
    .stores = {0, 0},
    .branches = {2, 2},
    .bytes = {8, 8},
};

} // namespace slicepatch::test

#endif // SLICEPATCH_TESTS_BENCH_EXPECTED_COUNTS_H
