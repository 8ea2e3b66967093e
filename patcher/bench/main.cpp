// SPDX-License-Identifier: MIT
#include "bench.h"
#include "patcher/tool/program.h"

int main(int argc, char **argv)
{
    using namespace slicepatch::tool;
    constexpr Subcommand subcommands[] = {{"bench", bench::add_bench}};
    return run_program(argc, argv, subcommands);
}
