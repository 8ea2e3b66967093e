// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TOOL_COMMAND_LINE_H
#define SLICEPATCH_TOOL_COMMAND_LINE_H

#include "program.h"

namespace slicepatch::tool {

/// Each adds a subcommand with its options, help text and an example, and returns what runs it.
Run add_why(CLI::App &program);
Run add_dump(CLI::App &program);
Run add_verify(CLI::App &program);
Run add_sim(CLI::App &program);
Run add_top(CLI::App &program);
Run add_bench(CLI::App &program);
Run add_selftest(CLI::App &program);

} // namespace slicepatch::tool

#endif
