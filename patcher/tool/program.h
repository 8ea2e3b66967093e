// SPDX-License-Identifier: MIT
//
// What the programs of this project have in common: subcommands, help, errors, exit status.
#ifndef SLICEPATCH_TOOL_PROGRAM_H
#define SLICEPATCH_TOOL_PROGRAM_H

#include <functional>
#include <span>

namespace CLI {
class App;
} // namespace CLI

namespace slicepatch::tool {

/// Exit status of every subcommand: 0 done, 1 a finding (verify: a bad site; selftest: a fault), 2 wrong usage, input
/// that cannot be read or output that cannot be written, 3 a process that changed while it was read. `sim` passes the
/// status of its command through.
inline constexpr int exit_ok = 0;
inline constexpr int exit_finding = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_changed = 3;

/// Runs a subcommand, and returns the exit status.
using Run = std::function<int()>;

struct Subcommand {
    const char *name;
    Run (*add)(CLI::App &program);
    bool keeps_status = false; // also where what was said about it is lost
};

/// The whole of main(): parses, runs the subcommand that was chosen, says what went wrong. Returns the exit status.
int run_program(int argc, char **argv, std::span<const Subcommand> subcommands);

} // namespace slicepatch::tool

#endif
