// SPDX-License-Identifier: MIT
//
// Puts each variant's marks into the state that its name says, whatever this kernel guarantees.
#ifndef SLICEPATCH_BENCH_MARKS_H
#define SLICEPATCH_BENCH_MARKS_H

#include "patcher/library/guarantee/guarantee.h"

#include <cstddef>
#include <string>

namespace slicepatch::tool::bench {

struct Marks {
    Guarantee guarantee; // of this host
    bool stand_in;       // the marks work on bench_stand_in, because no thread can be enabled here
    std::size_t patched; // sites
    std::string writer;
};

/// Patches the groups bench.enabled and bench.off of this program and sets what the other variants read. Once, while
/// the program has one thread. Throws Error.
Marks set_marks();

} // namespace slicepatch::tool::bench

#endif
