// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_BENCH_BENCH_H
#define SLICEPATCH_BENCH_BENCH_H

#include "patcher/tool/command.h"

namespace slicepatch::tool::bench {

Run add_bench(CLI::App &program);

} // namespace slicepatch::tool::bench

#endif
