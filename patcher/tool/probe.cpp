// SPDX-License-Identifier: MIT
#include "probe.h"
#include "error.h"
#include "file_descriptor.h"

#include "../environment.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
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

[[noreturn]] void answer_in_child(const GuaranteeRequest &request, int output)
{
    Answer answer{};
    answer.facts = ask_kernel();
    answer.guarantee = obtain_guarantee(answer.facts, request);
    answer.yield_number = find_yield_number();
    _exit(write(output, &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer) ? 0 : 1);
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
    probe.off = settings.patch.request.off;

    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        throw Error("why: no pipe: {}", std::strerror(errno));
    const FileDescriptor input(ends[0]);
    FileDescriptor output(ends[1]);
    std::fflush(nullptr); // or the child has the text too
    const pid_t child = fork();
    if (child < 0)
        throw Error("why: no child process: {}", std::strerror(errno));
    if (child == 0)
        answer_in_child(settings.patch.request, output.get());
    output = FileDescriptor(); // moved out: closed at the end of this statement, so that a dead child means end of file
    std::string bytes;
    const bool read = read_all(input, bytes);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    Answer answer{};
    probe.answered = read && bytes.size() == sizeof answer;
    if (probe.answered) {
        std::memcpy(&answer, bytes.data(), sizeof answer);
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

} // namespace slicepatch::tool
