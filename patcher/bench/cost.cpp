// SPDX-License-Identifier: MIT
#include "cost.h"
#include "patcher/tool/error.h"
#include "child.h"
#include "statistics.h"

#include <cstdio>

namespace slicepatch::tool::bench {

StartupTimes measure_startup(unsigned runs)
{
    std::array<std::string, startup_cases.size()> paths;
    for (std::size_t i = 0; i < paths.size(); ++i)
        paths[i] = helper_path(startup_cases[i].program);
    for (const std::string &path : paths)
        (void)run_helper(path); // brings its files into the page cache
    StartupTimes times;
    for (unsigned run = 0; run < runs; ++run)
        for (std::size_t i = 0; i < paths.size(); ++i)
            times[i].push_back(run_helper(paths[i]));
    return times;
}

std::array<CallCosts, call_cases.size()> measure_calls(unsigned runs)
{
    const std::string helper = helper_path("calls");
    std::array<CallCosts, call_cases.size()> all{};
    for (unsigned run = 0; run < runs; ++run) {
        for (std::size_t i = 0; i < call_cases.size(); ++i) {
            Environment environment = plain_environment();
            for (const char *setting : call_cases[i].settings)
                if (setting)
                    environment.emplace_back(setting);
            const std::string line = read_helper({helper}, environment);
            double system_call_ns = 0, thread_us = 0, fork_us = 0;
            if (std::sscanf(line.c_str(), "%d %lf %lf %lf", &all[i].guarantee, &system_call_ns, &thread_us, &fork_us) !=
                4)
                throw Error("bench: {} said '{}'", helper, line);
            all[i].system_call_ns.push_back(system_call_ns);
            all[i].thread_us.push_back(thread_us);
            all[i].fork_us.push_back(fork_us);
        }
    }
    return all;
}

} // namespace slicepatch::tool::bench
