// SPDX-License-Identifier: MIT
#include "commands.h"
#include "error.h"
#include "output.h"
#include "printable.h"
#include "progress.h"

#include "../../arch/backend.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace slicepatch::tool {

namespace {

using Clock = std::chrono::steady_clock;

struct SharedProgress {
    FlipProgress *progress;

    SharedProgress()
    {
        void *memory = mmap(nullptr, sizeof(FlipProgress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            throw Error("selftest: no memory to share with the process that flips: {}", std::strerror(errno));
        progress = new (memory) FlipProgress{};
    }
    ~SharedProgress()
    {
        munmap(progress, sizeof *progress);
    }
    SharedProgress(const SharedProgress &) = delete;
    SharedProgress &operator=(const SharedProgress &) = delete;
};

struct Outcome {
    std::string fault; // empty: none
    double seconds = 0;
};

[[noreturn]] void flip_in_child(const FlipOptions &options, FlipProgress &progress)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core); // a fault is a result here, nothing to be debugged
    for (int signal : {SIGSEGV, SIGILL, SIGBUS, SIGTRAP, SIGFPE})
        std::signal(signal, SIG_DFL); // sanitizers have handlers of their own
    run_flips(options, progress);
    _exit(0);
}

/// Waits for the child, and ends it when it no longer gets anywhere: broken code may as well loop.
Outcome watch(pid_t child, const FlipOptions &options, const FlipProgress &progress)
{
    constexpr auto patience = std::chrono::seconds(60);
    const Progress line("selftest");
    const auto begin = Clock::now();
    auto last_change = begin;
    std::uint64_t last_flips = 0;
    bool hung = false;
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        if (const std::uint64_t flips = progress.flips; flips != last_flips) {
            last_flips = flips;
            line(fmt::format("selftest, {} of {} flips", flips, options.flips));
            last_change = Clock::now();
        } else if (!hung && Clock::now() - last_change > patience) {
            hung = true;
            kill(child, SIGKILL);
        }
    }
    Outcome outcome;
    outcome.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (hung)
        outcome.fault = "no progress";
    else if (WIFSIGNALED(status))
        outcome.fault = fmt::format("SIG{}", sigabbrev_np(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        outcome.fault = fmt::format("exit status {}", WEXITSTATUS(status));
    return outcome;
}

/// Throws Error for what is no result; otherwise the words of a fault.
std::string failure_text(const FlipProgress &progress)
{
    switch (progress.failure.load()) {
    case FlipFailure::none:
        return "";
    case FlipFailure::setup_encode:
        throw Error("selftest: the sites cannot be made: {}", status_text(static_cast<Status>(progress.detail.load())));
    case FlipFailure::setup_memory:
        throw Error("selftest: the system refuses memory that is writable and executable ({}), which writing under "
                    "running threads needs",
                    std::strerror(progress.detail));
    case FlipFailure::setup_thread:
        throw Error("selftest: no thread can be started: {}", std::strerror(progress.detail));
    case FlipFailure::wrong_bytes:
        return "a head does not hold what was written to it";
    case FlipFailure::wrong_data:
        return "the code wrote something that no form writes";
    }
    return "unknown failure";
}

unsigned usable_cpus()
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

std::string cpu_model()
{
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name") && line.find(": ") != std::string::npos)
            return line.substr(line.find(": ") + 2);
    return "unknown";
}

/// Why a run without fault proves nothing; empty if it does.
std::string doubt(const FlipOptions &options, const FlipProgress &progress)
{
    constexpr std::uint64_t convincing_flips = 1'000'000;
    if (options.misaligned)
        return "the heads were misaligned: this is the control";
    if (usable_cpus() < 2)
        return "only one CPU may be used, so that nothing ran while a head was written";
    for (unsigned i = 0; i < options.threads; ++i)
        if (progress.passes[i] == 0)
            return "a thread did not run";
    if (progress.rounds_seen * 2 < progress.rounds)
        return "the threads hardly ran between the flips";
    if (progress.flips < convincing_flips)
        return fmt::format("fewer than {} flips", convincing_flips);
    return "";
}

} // namespace

int selftest(const SelftestOptions &selftest_options)
{
    const auto &[options, json] = selftest_options;
    const SharedProgress shared;
    FlipProgress &progress = *shared.progress;
    std::fflush(nullptr); // or the child has the text too
    const pid_t child = fork();
    if (child < 0)
        throw Error("selftest: no child process: {}", std::strerror(errno));
    if (child == 0)
        flip_in_child(options, progress);
    Outcome outcome = watch(child, options, progress);
    if (outcome.fault.empty())
        outcome.fault = failure_text(progress);
    std::uint64_t executions = 0;
    for (unsigned i = 0; i < options.threads; ++i)
        executions += progress.passes[i] * flipped_sites;
    const bool fault = !outcome.fault.empty();
    const std::string reason = fault ? outcome.fault : doubt(options, progress);
    const bool proven = reason.empty();
    if (json) {
        print("{}\n", json_text({{"flips", progress.flips.load()},
                                 {"requested", options.flips},
                                 {"threads", options.threads},
                                 {"heads", flipped_sites},
                                 {"aligned", !options.misaligned},
                                 {"executions", executions},
                                 {"faults", fault ? 1 : 0},
                                 {"proven", proven},
                                 {"reason", reason},
                                 {"seconds", outcome.seconds},
                                 {"cpus", usable_cpus()},
                                 {"cpu", cpu_model()}}));
        return fault ? exit_finding : exit_ok;
    }
    print("{} flips of {} {} heads under {} threads on {} CPUs in {:.2f} s, {} sites executed meanwhile: {}\n",
          progress.flips.load(), flipped_sites, options.misaligned ? "misaligned" : "aligned", options.threads,
          usable_cpus(), outcome.seconds, executions, fault ? "FAULT, " + outcome.fault : "no fault");
    if (proven)
        print("proven: {} runs correctly while aligned heads are rewritten under it{}\n", printable(cpu_model()),
              live_writes_proven() ? "" : " (SLICEPATCH_LIVE=1 lets slicepatch_init() do that)");
    else if (fault && options.misaligned)
        print("as expected: a head that crosses a cache line is not written as a whole\n");
    else
        print("not proven: {}\n", reason);
    return fault ? exit_finding : exit_ok;
}

} // namespace slicepatch::tool
