// SPDX-License-Identifier: MIT
//
// This program again, to time the loops in a process with an address layout of its own.
#ifndef SLICEPATCH_BENCH_WORKERS_H
#define SLICEPATCH_BENCH_WORKERS_H

#include "timing.h"

#include <functional>
#include <string>

namespace slicepatch::tool::bench {

/// The blocks of all processes, one process after the other. progress(n) is called before the n-th. Throws Error.
std::vector<LoopTimes> time_in_workers(const TimingPlan &plan, const std::function<void(unsigned)> &progress);

/// What such a process does: its part of the plan, described by the argument of its hidden option.
void work(const std::string &order);

} // namespace slicepatch::tool::bench

#endif
