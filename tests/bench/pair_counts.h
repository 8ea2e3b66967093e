// SPDX-License-Identifier: MIT
//
// What each architecture's expected_counts.h fills in.
#ifndef SLICEPATCH_TESTS_BENCH_PAIR_COUNTS_H
#define SLICEPATCH_TESTS_BENCH_PAIR_COUNTS_H

namespace slicepatch::test {

/// Inclusive.
struct Bounds {
    int least, most;
};

struct PairCounts {
    Bounds instructions, working, noops, loads, stores, branches, bytes; // working: instructions that are no no-ops
};

} // namespace slicepatch::test

#endif // SLICEPATCH_TESTS_BENCH_PAIR_COUNTS_H
