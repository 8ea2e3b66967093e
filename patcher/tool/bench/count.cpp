// SPDX-License-Identifier: MIT
#include "count.h"
#include "../error.h"
#include "instruction.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unordered_map>

extern "C" {
// Where counting begins and ends. Not static: two empty functions must keep two addresses.
[[gnu::noinline]] void slicepatch_bench_count_begin()
{
    __asm__ volatile("" : : : "memory");
}
[[gnu::noinline]] void slicepatch_bench_count_end()
{
    __asm__ volatile("" : : "r"(1) : "memory");
}
}

namespace slicepatch::tool::bench {

namespace {

using Executions = std::unordered_map<std::uintptr_t, std::int64_t>; // of each instruction, by its address

[[noreturn]] void run_traced(void (*run)(std::size_t), std::size_t iterations)
{
    run(1); // binds what is bound lazily, finds the thread's area
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
        _exit(errno);
    (void)raise(SIGSTOP); // cannot be ignored: the tracer goes on from here
    slicepatch_bench_count_begin();
    run(iterations);
    slicepatch_bench_count_end();
    _exit(0);
}

class Tracee {
public:
    Tracee(void (*run)(std::size_t), std::size_t iterations) : pid_(fork())
    {
        if (pid_ < 0)
            throw Error("bench: no child to count in: {}", std::strerror(errno));
        if (pid_ == 0)
            run_traced(run, iterations);
        wait_for_stop();
        if (ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_EXITKILL) != 0)
            fail("ptrace");
    }
    Tracee(const Tracee &) = delete;
    Tracee &operator=(const Tracee &) = delete;
    ~Tracee()
    {
        if (running_) {
            (void)kill(pid_, SIGKILL); // a child that is gone needs none
            (void)waitpid(pid_, nullptr, 0);
        }
    }

    /// The instruction that step() executes next.
    [[nodiscard]] std::uintptr_t next() const
    {
        // The one request whose answer has the address of the instruction in the same place on every architecture.
        __ptrace_syscall_info info{};
        if (ptrace(static_cast<__ptrace_request>(PTRACE_GET_SYSCALL_INFO), pid_, sizeof info, &info) <= 0)
            fail("PTRACE_GET_SYSCALL_INFO");
        return info.instruction_pointer;
    }

    /// Signals that happen to arrive meanwhile are dropped: their handlers are not what is counted.
    void step()
    {
        do {
            if (ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) != 0)
                fail("PTRACE_SINGLESTEP");
            wait_for_stop();
        } while (stop_signal_ != SIGTRAP);
    }

private:
    [[noreturn]] static void fail(const char *what)
    {
        throw Error("bench: instructions cannot be counted: {}: {}", what, std::strerror(errno));
    }

    void wait_for_stop()
    {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0)
            if (errno != EINTR)
                fail("waitpid");
        running_ = WIFSTOPPED(status);
        if (WIFEXITED(status))
            throw Error("bench: instructions cannot be counted: ptrace: {}", std::strerror(WEXITSTATUS(status)));
        if (WIFSIGNALED(status))
            throw Error("bench: the counted child died of signal {}", WTERMSIG(status));
        stop_signal_ = WSTOPSIG(status);
        if (stop_signal_ == SIGSEGV || stop_signal_ == SIGILL || stop_signal_ == SIGBUS)
            throw Error("bench: the counted child got signal {}", stop_signal_);
    }

    pid_t pid_;
    int stop_signal_ = 0;
    bool running_ = true;
};

Executions trace(void (*run)(std::size_t), std::size_t iterations)
{
    const auto begin = reinterpret_cast<std::uintptr_t>(slicepatch_bench_count_begin);
    const auto end = reinterpret_cast<std::uintptr_t>(slicepatch_bench_count_end);
    Tracee tracee(run, iterations);
    Executions executions;
    while (tracee.next() != begin)
        tracee.step();
    for (std::uintptr_t next = begin; next != end; next = tracee.next()) {
        ++executions[next];
        tracee.step();
    }
    return executions;
}

} // namespace

Counts Counts::operator-(const Counts &other) const
{
    return {instructions - other.instructions, noops - other.noops,       loads - other.loads,
            stores - other.stores,             branches - other.branches, bytes - other.bytes};
}

Counts count_iteration(void (*run)(std::size_t iterations))
{
    Executions executions = trace(run, 2);
    for (const auto &[address, times] : trace(run, 1))
        executions[address] -= times;

    Counts counts{};
    for (const auto &[address, times] : executions) {
        if (times == 0)
            continue;
        // The child is a fork: its text is ours.
        const Effects effects = decode_effects(address);
        counts.instructions += times;
        counts.noops += effects.noop ? times : 0;
        counts.loads += effects.loads * times;
        counts.stores += effects.stores * times;
        counts.branches += effects.branch ? times : 0;
        counts.bytes += effects.length;
    }
    return counts;
}

} // namespace slicepatch::tool::bench
