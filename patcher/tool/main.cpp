// SPDX-License-Identifier: MIT
#include "program.h"

int main(int argc, char **argv)
{
    using namespace slicepatch::tool;
    constexpr Subcommand subcommands[] = {{"why", add_why}, {"dump", add_dump},   {"verify", add_verify},
                                          {"sim", add_sim}, {"bench", add_bench}, {"selftest", add_selftest}};
    return run_program(argc, argv, subcommands);
}
