// SPDX-License-Identifier: MIT
#include "probe.h"
#include "error.h"
#include "file_descriptor.h"

#include "patcher/library/guarantee/kernel.h"
#include "patcher/library/settings.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>

namespace slicepatch::tool {

namespace {

struct Answer {
    KernelFacts facts;
    Guarantee guarantee;
    int yield_number;
};

/// What would be different for programs: the environment that init reads, or that it would refuse it.
struct Difference {
    const char *variable = nullptr; // set to value
    const char *value = nullptr;
    bool without_init = false;
    bool without_require = false; // asks what there is, though init would fail
};

/// Asks by what programs ask with, so that nothing else differs.
Answer ask(const Difference &difference)
{
    Answer answer{};
    answer.facts = ask_kernel();
    slicepatch_report report{};
    report.size = sizeof report;
    if (!difference.without_init)
        (void)slicepatch_init(nullptr, &report); // whatever error there is, the report has its words
    answer.guarantee.level = static_cast<slicepatch_guarantee>(report.guarantee);
    std::snprintf(answer.guarantee.reason, sizeof answer.guarantee.reason, "%s", report.reason);
    answer.yield_number = find_yield_number();
    return answer;
}

/// False if the child died; then status is how.
bool ask_in_child(const Difference &difference, Answer &answer, int &status)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        throw Error("why: no pipe: {}", std::strerror(errno));
    const FileDescriptor input(ends[0]);
    FileDescriptor output(ends[1]);
    std::fflush(nullptr); // or the child has the text too
    const pid_t child = fork();
    if (child < 0)
        throw Error("why: no child process: {}", std::strerror(errno));
    if (child == 0) {
        unsetenv("SLICEPATCH_VERBOSE"); // its report is ours to print
        if (difference.without_require)
            unsetenv("SLICEPATCH");
        if (difference.variable && setenv(difference.variable, difference.value, 1) != 0)
            _exit(1);
        answer = ask(difference);
        _exit(write(output.get(), &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer) ? 0 : 1);
    }
    output = FileDescriptor(); // moved out: closed at the end of this statement, so that a dead child means end of file
    std::string bytes;
    const bool read = read_all(input, bytes);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!read || bytes.size() != sizeof answer)
        return false;
    std::memcpy(&answer, bytes.data(), sizeof answer);
    return true;
}

void say(Guarantee &guarantee, const std::string &reason)
{
    guarantee.level = SLICEPATCH_GUARANTEE_NONE;
    std::snprintf(guarantee.reason, sizeof guarantee.reason, "%s", reason.c_str());
}

} // namespace

Probe run_probe()
{
    Probe probe;
    Settings settings;
    if (read_settings(nullptr, true, settings) != Status::ok)
        probe.complaint = settings.complaint;
    probe.off = settings.request.off;
    probe.required = settings.required != SLICEPATCH_GUARANTEE_NONE;

    Answer answer{};
    int status = 0;
    probe.answered =
        ask_in_child({.without_init = !probe.complaint.empty(), .without_require = probe.required}, answer, status);
    if (probe.answered) {
        probe.facts = answer.facts;
        probe.guarantee = answer.guarantee;
        probe.yield_number = answer.yield_number;
    } else {
        say(probe.guarantee, fmt::format("a sandbox kills a process that asks the kernel (signal {})",
                                         WIFSIGNALED(status) ? WTERMSIG(status) : 0));
    }
    if (!probe.complaint.empty())
        say(probe.guarantee, "slicepatch_init() fails: " + probe.complaint);
    return probe;
}

slicepatch_guarantee probe_with(const char *variable, const char *value)
{
    Answer answer{};
    int status = 0;
    return ask_in_child({variable, value}, answer, status) ? answer.guarantee.level : SLICEPATCH_GUARANTEE_NONE;
}

} // namespace slicepatch::tool
