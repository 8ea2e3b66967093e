// SPDX-License-Identifier: MIT
//
// What the programs of this project have in common: subcommands, help, errors, exit status.
#ifndef SLICEPATCH_TOOL_PROGRAM_H
#define SLICEPATCH_TOOL_PROGRAM_H

#include "command.h"

#include <span>

namespace slicepatch::tool {

struct Subcommand {
    const char *name;
    Run (*add)(CLI::App &program);
};

/// The whole of main(): parses, runs the subcommand that was chosen, says what went wrong. Returns the exit status.
int run_program(int argc, char **argv, std::span<const Subcommand> subcommands);

} // namespace slicepatch::tool

#endif
