// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_BENCH_BENCH_H
#define SLICEPATCH_BENCH_BENCH_H

#include <cstdint>
#include <string>
#include <vector>

namespace slicepatch::tool::bench {

struct Options {
    unsigned blocks = 0;    // of all processes; 0: what the length of the run asks for
    unsigned processes = 0; // the same
    bool quick = false;
    std::vector<std::string> loops;
    std::vector<std::string> parts;
    std::vector<unsigned> threads_per_cpu{4};
    unsigned contention_ms = 0; // 0: what the length of the run asks for
    std::string text = "/usr/share/common-licenses/GPL-3";
    bool json = false;
    bool raw = false;
    std::string plot, plot_contention;
    std::uint64_t seed = 1;
    std::string worker; // what to do as one of the processes
};

inline const std::vector<std::string> all_parts{"loops", "contention", "init", "startup", "calls"};

/// Measures and prints. Returns the exit status; throws Error for what cannot be measured or written.
int run(Options options);

} // namespace slicepatch::tool::bench

#endif
