// SPDX-License-Identifier: MIT
//
// The trap flag makes the CPU stop behind each instruction (Intel SDM volume 3, 18.3.1.4). The child handles the signal
// itself: a tracer would cost two context switches an instruction, and sandboxes refuse ptrace.
#include "patcher/bench/step.h"
#include "patcher/tool/error.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

extern "C" [[gnu::noinline]] void slicepatch_bench_trace_end()
{
    __asm__ volatile("" : : : "memory");
}

namespace slicepatch::tool::bench {

namespace {

constexpr std::size_t max_instructions = 1U << 20;

/// What child and parent share.
struct Record {
    std::size_t count;
    bool complete;
    std::uintptr_t addresses[max_instructions];
};

Record *record;

void on_trap(int /*signal*/, siginfo_t * /*info*/, void *data)
{
    constexpr greg_t trap_flag = 0x100;
    auto &registers = static_cast<ucontext_t *>(data)->uc_mcontext.gregs;
    const auto next = static_cast<std::uintptr_t>(registers[REG_RIP]);
    record->complete = next == reinterpret_cast<std::uintptr_t>(slicepatch_bench_trace_end);
    if (record->complete || record->count == max_instructions) {
        registers[REG_EFL] &= ~trap_flag;
        return;
    }
    record->addresses[record->count++] = next;
    registers[REG_EFL] |= trap_flag;
}

[[noreturn]] void run_child(void (*run)(std::size_t), std::size_t iterations)
{
    struct sigaction action {};
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO;
    sigfillset(&action.sa_mask);
    run(1);
    // Nothing that interrupts it belongs to what is counted. Not by the C library's function: the simulated kernel
    // replaces it, so that its ticks come in spite of it.
    const std::uint64_t all_but_trap = ~(std::uint64_t{1} << (SIGTRAP - 1));
    if (sigaction(SIGTRAP, &action, nullptr) != 0 ||
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all_but_trap, nullptr, sizeof all_but_trap) != 0)
        _exit(1);
    (void)raise(SIGTRAP); // the first one is by hand, and returns with the flag set
    run(iterations);
    slicepatch_bench_trace_end();
    _exit(0);
}

class SharedRecord {
public:
    SharedRecord() : memory_(mmap(nullptr, sizeof(Record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
    {
        if (memory_ == MAP_FAILED)
            throw Error("bench: no memory for a trace: {}", std::strerror(errno));
        record = static_cast<Record *>(memory_);
    }
    SharedRecord(const SharedRecord &) = delete;
    SharedRecord &operator=(const SharedRecord &) = delete;
    ~SharedRecord()
    {
        (void)munmap(memory_, sizeof(Record)); // ours, whole, mapped above: cannot fail
        record = nullptr;
    }

private:
    void *memory_;
};

} // namespace

std::vector<std::uintptr_t> trace(void (*run)(std::size_t iterations), std::size_t iterations)
{
    const SharedRecord shared;
    const pid_t child = fork();
    if (child < 0)
        throw Error("bench: no child to count in: {}", std::strerror(errno));
    if (child == 0)
        run_child(run, iterations);
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            throw Error("bench: the counted child cannot be waited for: {}", std::strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw Error("bench: instructions cannot be counted: the child ended with status {:#x}", status);
    if (!record->complete)
        throw Error("bench: instructions cannot be counted: {} of them without an end", record->count);
    return {record->addresses, record->addresses + record->count};
}

} // namespace slicepatch::tool::bench
