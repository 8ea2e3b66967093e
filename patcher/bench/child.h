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

/// "NAME=value" each: of this process, and the same without what steers slicepatch_init() there.
using Environment = std::vector<std::string>;
Environment inherited_environment();
Environment plain_environment();

/// Runs it with a plain environment; from just before exec to its end, microseconds. Throws Error unless it exits with
/// 0.
double run_helper(const std::string &path);

/// Runs it, and returns what it wrote to its standard output. Throws the same.
std::string read_helper(const std::vector<std::string> &command, const Environment &environment = plain_environment());

} // namespace slicepatch::tool::bench

#endif
