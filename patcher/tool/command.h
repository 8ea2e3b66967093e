// SPDX-License-Identifier: MIT
//
// One subcommand of the program. Each adds itself to the command line, and returns the exit status when it was chosen.
#ifndef SLICEPATCH_TOOL_COMMAND_H
#define SLICEPATCH_TOOL_COMMAND_H

#include <CLI/CLI.hpp>

#include <functional>

namespace slicepatch::tool {

/// Exit status of every subcommand: 0 done, 1 a finding (verify: a bad site; selftest: a fault), 2 wrong usage, input
/// that cannot be read or output that cannot be written, 3 a process that changed while it was read. `sim` passes the
/// status of its command through.
inline constexpr int exit_ok = 0;
inline constexpr int exit_finding = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_changed = 3;

using Run = std::function<int()>;

/// Each adds a subcommand with its options, help text and an example, and returns what runs it.
Run add_why(CLI::App &program);
Run add_dump(CLI::App &program);
Run add_verify(CLI::App &program);
Run add_sim(CLI::App &program);
Run add_bench(CLI::App &program);
Run add_selftest(CLI::App &program);

} // namespace slicepatch::tool

#endif
