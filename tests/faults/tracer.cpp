// SPDX-License-Identifier: MIT
#include "tracer.h"

#include "region.h"
#include "registers.h"

#include <slicepatch/abi.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <optional>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slicepatch::test {

namespace {

/// A kernel with slice extensions, as far as init asks it: the state of one process.
class SliceKernel {
public:
    explicit SliceKernel(PlayedKernel kind) : kind_(kind) {}

    /// Nothing: the real kernel may answer that one.
    std::optional<long> answer(long number, const unsigned long long (&arguments)[6], bool init_has_begun)
    {
        if (number == SYS_prctl && arguments[0] == SLICEPATCH_PR_RSEQ_SLICE_EXTENSION)
            return kind_ == PlayedKernel::none ? -EINVAL : answer_prctl(arguments[1], arguments[2]);
        if (kind_ == PlayedKernel::none || !init_has_begun)
            return {};
        if (number == SLICEPATCH_NR_RSEQ_SLICE_YIELD || number == SYS_rseq)
            return 0;
        return {};
    }

private:
    long answer_prctl(unsigned long long operation, unsigned long long argument)
    {
        constexpr unsigned long long enable = SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE;
        constexpr unsigned long long invariant = SLICEPATCH_PR_RSEQ_SLICE_EXT_INVARIANT;
        const bool series = kind_ == PlayedKernel::series;
        if (operation == SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_FEATURES)
            return series ? static_cast<long>(enable | invariant) : -EINVAL;
        if (operation == SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET)
            return static_cast<long>(state_);
        if (operation != SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET || argument & ~(series ? enable | invariant : enable))
            return -EINVAL;
        if (state_ & invariant && argument != state_)
            return -EPERM;
        state_ = argument;
        return 0;
    }

    PlayedKernel kind_;
    unsigned long long state_ = 0;
};

constexpr std::size_t most_calls = 100'000; // of one init

class Tracer {
public:
    Tracer(pid_t subject, PlayedKernel kernel, const Fault *fault) : subject_(subject), kernel_(kernel), fault_(fault)
    {
    }

    /// Until the subject has ended.
    void run(Outcome &outcome)
    {
        int status;
        pid_t thread;
        while ((thread = waitpid(-1, &status, __WALL)) > 0) {
            if (WIFEXITED(status) || WIFSIGNALED(status)) {
                if (thread != subject_)
                    continue;
                outcome.status = status;
                return;
            }
            int signal = 0;
            if (WSTOPSIG(status) == (SIGTRAP | 0x80))
                on_call(thread, outcome);
            else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP) // ours: exec, clone, the first stop
                signal = WSTOPSIG(status);
            (void)ptrace(PTRACE_SYSCALL, thread, nullptr, signal); // ESRCH: it was killed meanwhile, waitpid() says so
        }
    }

private:
    void on_call(pid_t thread, Outcome &outcome)
    {
        __ptrace_syscall_info info{};
        if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0)
            return;
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
            on_entry(thread, info, outcome);
        else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
            on_exit(thread, outcome);
    }

    void on_entry(pid_t thread, const __ptrace_syscall_info &info, Outcome &outcome)
    {
        unsigned long long arguments[6];
        std::memcpy(arguments, info.entry.args, sizeof arguments);
        const auto number = static_cast<long>(info.entry.nr);
        if (number == REGION_CALL) {
            inside_ = arguments[0] == REGION_BEGIN;
            inits_ += inside_;
            return;
        }
        std::optional<long> answer = kernel_.answer(number, arguments, inits_ > 0);
        bool made = !answer;
        if (inside_ && thread == subject_ && inits_ == 1) {
            const Call call{number, number == SYS_prctl ? arguments[0] : 0};
            outcome.calls.push_back(call);
            if (outcome.calls.size() > most_calls)
                kill(subject_, SIGKILL); // it goes on for ever: the status says so
            if (fault_ && call == fault_->call && ++uses_ >= fault_->first_use && uses_ <= fault_->last_use) {
                ++outcome.faults;
                if (fault_->way == Fault::shortened) {
                    outcome.traced &= Registers(thread).set_third_argument(1);
                } else {
                    answer = -fault_->error;
                    made = made && fault_->way == Fault::reported;
                }
            }
        }
        if (answer)
            results_[thread] = *answer;
        if (!made)
            outcome.traced &= Registers(thread).skip_call();
    }

    void on_exit(pid_t thread, Outcome &outcome)
    {
        const auto result = results_.find(thread);
        if (result == results_.end())
            return;
        outcome.traced &= Registers(thread).set_result(result->second);
        results_.erase(result);
    }

    pid_t subject_;
    SliceKernel kernel_;
    const Fault *fault_;
    std::map<pid_t, long> results_; // for the call that each thread is in
    bool inside_ = false;
    unsigned inits_ = 0, uses_ = 0;
};

[[noreturn]] void become(const std::vector<std::string> &command, const std::vector<std::string> &environment,
                         int output)
{
    std::vector<char *> arguments, variables;
    for (const std::string &word : command)
        arguments.push_back(const_cast<char *>(word.c_str()));
    for (const std::string &variable : environment)
        variables.push_back(const_cast<char *>(variable.c_str()));
    arguments.push_back(nullptr);
    variables.push_back(nullptr);
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (dup2(output, STDOUT_FILENO) >= 0 && dup2(nothing, STDERR_FILENO) >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 && raise(SIGSTOP) == 0)
        execve(arguments[0], arguments.data(), variables.data());
    _exit(127);
}

std::string read_all(int file)
{
    std::string text;
    char part[4096];
    ssize_t size;
    while ((size = pread(file, part, sizeof part, static_cast<off_t>(text.size()))) > 0)
        text.append(part, static_cast<std::size_t>(size));
    return text;
}

} // namespace

Outcome trace(const std::vector<std::string> &command, const std::vector<std::string> &environment, PlayedKernel kernel,
              const Fault *fault)
{
    Outcome outcome;
    const int output = memfd_create("output", MFD_CLOEXEC);
    const pid_t child = output < 0 ? -1 : fork();
    if (child == 0)
        become(command, environment, output);
    int status = 0;
    const long wanted = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    if (child < 0 || waitpid(child, &status, __WALL) != child || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, child, nullptr, wanted) != 0) {
        outcome.output = "ptrace(2) is refused here";
        return outcome;
    }
    outcome.traced = true;
    if (ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0)
        Tracer(child, kernel, fault).run(outcome);
    outcome.output = read_all(output);
    close(output);
    return outcome;
}

} // namespace slicepatch::test
