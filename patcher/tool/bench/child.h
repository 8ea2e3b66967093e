// SPDX-License-Identifier: MIT
//
// The small programs that `slicepatch bench` runs, each in a fresh process.
#ifndef SLICEPATCH_BENCH_CHILD_H
#define SLICEPATCH_BENCH_CHILD_H

#include <string>
#include <vector>

namespace slicepatch::tool::bench {

std::string own_path();

/// Of a program or library that was built with this one. Throws Error if it is not there.
std::string helper_path(const char *name);

/// Runs it without what steers slicepatch_init() in its environment; from just before exec to its end, microseconds.
/// Throws Error unless it exits with 0.
double run_helper(const std::string &path);

/// The same, and what it wrote to its standard output.
std::string read_helper(const std::vector<std::string> &command);

} // namespace slicepatch::tool::bench

#endif
