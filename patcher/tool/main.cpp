// SPDX-License-Identifier: MIT
#include "command_line.h"

int main(int argc, char **argv)
{
    using namespace slicepatch::tool;
    constexpr Subcommand subcommands[] = {{"why", add_why},          {"dump", add_dump},     {"verify", add_verify},
                                          {"top", add_top, true},    {"sim", add_sim, true}, {"bench", add_bench},
                                          {"selftest", add_selftest}};
    return run_program(argc, argv, subcommands);
}
