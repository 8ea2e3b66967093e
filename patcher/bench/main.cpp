// SPDX-License-Identifier: MIT
#include "command_line.h"

int main(int argc, char **argv)
{
    using namespace slicepatch::tool;
    constexpr Subcommand subcommands[] = {{"bench", bench::add_bench}};
    return run_program(argc, argv, subcommands);
}
