// SPDX-License-Identifier: MIT
#include "init_cost.h"
#include "child.h"
#include "patcher/tool/error.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slicepatch::tool::bench {

namespace {

constexpr unsigned most_stepped_sites = 100;
constexpr std::uint64_t most_steps = 10'000'000;

/// One line of the helper `init`: microseconds of time and of CPU, page faults, sites, how many were patched, pages.
void measure_once(const std::string &helper, const std::string &library, InitCost &cost)
{
    const std::string line = read_helper({helper, library});
    double us = 0, cpu_us = 0;
    unsigned sites = 0;
    if (std::sscanf(line.c_str(), "%lf %lf %ld %u %u %u", &us, &cpu_us, &cost.samples.faults, &sites, &cost.patched,
                    &cost.pages) != 6)
        throw Error("bench: {} said '{}'", helper, line);
    if (sites != cost.which->sites)
        throw Error("bench: init found {} sites of {}", sites, cost.which->sites);
    cost.samples.us.push_back(us);
    cost.samples.cpu_us.push_back(cpu_us);
}

/// One line of the others: microseconds of time and of CPU, page faults.
void measure_once(const std::vector<std::string> &command, CallSamples &samples)
{
    const std::string line = read_helper(command);
    double us = 0, cpu_us = 0;
    if (std::sscanf(line.c_str(), "%lf %lf %ld", &us, &cpu_us, &samples.faults) != 3)
        throw Error("bench: {} said '{}'", command[0], line);
    samples.us.push_back(us);
    samples.cpu_us.push_back(cpu_us);
}

/// A process that a tracer steps through, between two signals to itself.
class Traced {
public:
    Traced(const std::string &helper, const std::string &library)
    {
        child_ = fork();
        if (child_ < 0)
            throw Error("bench: no child to count in: {}", std::strerror(errno));
        if (child_ > 0)
            return;
        const int nothing = open("/dev/null", O_WRONLY);
        dup2(nothing, STDOUT_FILENO);
        if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0)
            execl(helper.c_str(), helper.c_str(), library.c_str(), "stop", nullptr);
        _exit(1);
    }
    Traced(const Traced &) = delete;
    Traced &operator=(const Traced &) = delete;
    ~Traced()
    {
        kill(child_, SIGKILL);
        waitpid(child_, nullptr, 0);
    }

    /// Goes on until the next stop for that signal; false if it ends before.
    bool proceed(int signal) const
    {
        int status = 0;
        while (waitpid(child_, &status, 0) == child_ && WIFSTOPPED(status)) {
            if (WSTOPSIG(status) == signal)
                return true;
            if (ptrace(PTRACE_CONT, child_, nullptr, nullptr) != 0)
                return false;
        }
        return false;
    }
    [[nodiscard]] bool resume(int how) const
    {
        return ptrace(static_cast<__ptrace_request>(how), child_, nullptr, nullptr) == 0;
    }
    /// Steps up to the stop that it asks for itself; the few instructions around the call are among them.
    [[nodiscard]] std::optional<std::uint64_t> count() const
    {
        int status = 0;
        for (std::uint64_t steps = 0; steps < most_steps; ++steps) {
            if (!resume(PTRACE_SINGLESTEP) || waitpid(child_, &status, 0) != child_ || !WIFSTOPPED(status))
                return {};
            if (WSTOPSIG(status) == SIGSTOP)
                return steps;
            if (WSTOPSIG(status) != SIGTRAP)
                return {};
        }
        return {}; // single-stepping never gets out of a load-exclusive loop
    }

private:
    pid_t child_;
};

void count_instructions(const std::string &helper, const std::string &library, InitCost &cost)
{
    const Traced child(helper, library);
    if (child.proceed(SIGTRAP) && child.resume(PTRACE_CONT) && child.proceed(SIGSTOP))
        cost.instructions = child.count();
    if (!cost.instructions)
        cost.uncounted = "this system does not let a process be stepped through";
}

std::vector<Yardstick> make_yardsticks()
{
    std::vector<Yardstick> yardsticks{
        {"populate", "a store to each page, which one call has populated", {}, ""},
        {"touch", "a store to each page", {}, ""},
        {"xray", "LLVM XRay, __xray_patch() of as many sleds on as many pages", {}, ""},
    };
    try {
        (void)helper_path("xray");
    } catch (const Error &) {
        yardsticks.back().missing = "it is built on x86-64, where there is a clang with XRay";
    }
    return yardsticks;
}

std::vector<std::string> command_of(const Yardstick &yardstick, const std::string &library)
{
    if (std::strcmp(yardstick.name, "xray") == 0)
        return {helper_path("xray")};
    return {helper_path("floor"), library, yardstick.name};
}

void measure_yardstick(const std::string &library, Yardstick &yardstick)
{
    if (!yardstick.missing.empty())
        return;
    try {
        measure_once(command_of(yardstick, library), yardstick.samples);
    } catch (const Error &error) {
        yardstick.missing = error.what();
    }
}

} // namespace

std::vector<InitCost> measure_init(unsigned runs)
{
    const std::string helper = helper_path("init");
    std::vector<InitCost> costs;
    for (const InitCase &which : init_cases) {
        InitCost &cost = costs.emplace_back();
        const std::string library = helper_path(which.library);
        cost.which = &which;
        if (which.sites > most_stepped_sites)
            cost.yardsticks = make_yardsticks();
        else
            count_instructions(helper, library, cost);
        // Each case for itself: behind the other, whose pages fill the caches, ten sites take twice as long.
        for (unsigned run = 0; run < runs; ++run) {
            measure_once(helper, library, cost);
            for (Yardstick &yardstick : cost.yardsticks)
                measure_yardstick(library, yardstick);
        }
    }
    return costs;
}

Interval ratio_to(const InitCost &cost, const Yardstick &yardstick, std::uint64_t seed)
{
    return bootstrap_median(paired_ratios(cost.samples.cpu_us, yardstick.samples.cpu_us), 1, seed);
}

Interval ns_per_site_above(const InitCost &cost, const Yardstick &yardstick, std::uint64_t seed)
{
    std::vector<double> above;
    for (std::size_t i = 0; i < cost.samples.cpu_us.size(); ++i)
        above.push_back((cost.samples.cpu_us[i] - yardstick.samples.cpu_us[i]) * 1e3 / cost.which->sites);
    return bootstrap_median(above, 1, seed);
}

} // namespace slicepatch::tool::bench
