// SPDX-License-Identifier: MIT
//
// Runs the programs of programs/ under the simulator: each checks from the inside, and the tests from the outside.
#ifndef SLICEPATCH_TESTS_SIM_SIMULATION_H
#define SLICEPATCH_TESTS_SIM_SIMULATION_H

#include <doctest/doctest.h>

#include "launch.h"

#include <cstdlib>
#include <string>
#include <vector>

namespace slicepatch::test {

struct Simulated {
    int exit_code;
    SimStatistics statistics;
};

inline SimOptions options_for(SimKernel kernel)
{
    SimOptions options;
    options.kernel = kernel;
    options.preload = SIM_PRELOAD;
    return options;
}

inline Simulated simulate(const SimOptions &options, std::vector<std::string> command)
{
    std::vector<char *> arguments;
    for (std::string &word : command)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    Simulated simulated = {};
    simulated.exit_code = sim_run(options, arguments.data(), simulated.statistics);
    return simulated;
}

inline std::string program(const std::string &name)
{
    return std::string(SIM_PROGRAMS) + "/sim-" + name;
}

// An environment variable for as long as this lives.
class Variable {
public:
    Variable(const char *name, const std::string &value) : name_(name)
    {
        REQUIRE(setenv(name, value.c_str(), 1) == 0);
    }
    ~Variable()
    {
        unsetenv(name_);
    }
    Variable(const Variable &) = delete;
    Variable &operator=(const Variable &) = delete;

private:
    const char *name_;
};

} // namespace slicepatch::test

#endif
