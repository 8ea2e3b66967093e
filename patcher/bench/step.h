// SPDX-License-Identifier: MIT
//
// Runs code one instruction at a time. Each architecture has its own step.cpp.
#ifndef SLICEPATCH_BENCH_STEP_H
#define SLICEPATCH_BENCH_STEP_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace slicepatch::tool::bench {

/// The addresses of the instructions that run(iterations) executes, in order, after run(1) has bound and initialised
/// what is done once. Some instructions before the call and behind it are among them. In a forked child: nothing of it
/// is seen here. Throws Error.
std::vector<std::uintptr_t> trace(void (*run)(std::size_t iterations), std::size_t iterations);

} // namespace slicepatch::tool::bench

#endif
