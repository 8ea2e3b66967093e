// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_BENCH_COMMAND_LINE_H
#define SLICEPATCH_BENCH_COMMAND_LINE_H

#include "patcher/tool/program.h"

namespace slicepatch::tool::bench {

Run add_bench(CLI::App &program);

} // namespace slicepatch::tool::bench

#endif
