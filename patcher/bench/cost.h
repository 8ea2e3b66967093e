// SPDX-License-Identifier: MIT
//
// What a program pays once: slicepatch_init() for few and for many sites, and process start, library by library. And
// what it pays for its guarantee later, at calls that have nothing to do with sites.
#ifndef SLICEPATCH_BENCH_COST_H
#define SLICEPATCH_BENCH_COST_H

#include <array>
#include <vector>

namespace slicepatch::tool::bench {

struct StartupCase {
    const char *program;
    const char *what;
};
/// The first is what the others are compared with.
inline constexpr std::array startup_cases{
    StartupCase{"nothing", "a C program that does nothing"},
    StartupCase{"with-slicepatch", "+ libslicepatch.so"},
    StartupCase{"with-init", "+ libslicepatch.so, its init, 10 sites"},
    StartupCase{"with-decoder", SLICEPATCH_BENCH_DECODER " alone, of which SLICEPATCH_VERIFY=decoder has need"},
    StartupCase{"with-libstdc++", "+ libstdc++.so alone"},
};

using StartupTimes = std::array<std::vector<double>, startup_cases.size()>; // us from before exec to the end, one a run

StartupTimes measure_startup(unsigned runs);

struct CallCase {
    const char *what;
    std::array<const char *, 2> settings; // of the environment; null: none
};
/// The first is what the others are compared with.
inline constexpr std::array call_cases{
    CallCase{"off", {"SLICEPATCH=off", nullptr}},
    CallCase{"as found", {nullptr, nullptr}},
    CallCase{"own areas", {"SLICEPATCH_RSEQ=own", nullptr}},
    CallCase{"sealed", {"SLICEPATCH_RSEQ=own", "SLICEPATCH_SEAL=1"}},
};

/// One value a process, which is a median of many calls.
struct CallCosts {
    int guarantee; // SLICEPATCH_GUARANTEE_..., what this kernel gives in that case
    std::vector<double> system_call_ns;
    std::vector<double>
        thread_us;               // from its creation until it is joined: where threads are enabled one by one, that too
    std::vector<double> fork_us; // until the child is reaped
};

std::array<CallCosts, call_cases.size()> measure_calls(unsigned runs);

} // namespace slicepatch::tool::bench

#endif
