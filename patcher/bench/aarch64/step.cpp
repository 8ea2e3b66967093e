// SPDX-License-Identifier: MIT
//
// Only the kernel can make this CPU stop behind each instruction (Arm ARM DDI 0487, "Software Step exceptions"), and it
// does so for a tracer alone: the parent traces the child.
//
// An exception makes the next store-exclusive fail (Arm ARM, "Load-Exclusive and Store-Exclusive instruction usage
// restrictions"): stepped, what repeats it until it succeeds would never end. From the load-exclusive to behind the
// store it runs as a whole, to a breakpoint there and to one where a branch in between leads.
#include "patcher/bench/step.h"
#include "patcher/tool/error.h"
#include "patcher/bench/instruction.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" [[gnu::noinline]] void slicepatch_bench_trace_end()
{
    __asm__ volatile("" : : : "memory");
}

namespace slicepatch::tool::bench {

namespace {

constexpr std::size_t max_instructions = 1U << 20;
constexpr std::uintptr_t instruction_size = 4;

/// The child was a fork: its text is ours.
std::uint32_t read_instruction(std::uintptr_t address)
{
    std::uint32_t word;
    std::memcpy(&word, reinterpret_cast<const void *>(address), sizeof word);
    return word;
}

// ---- sequences of load-exclusive and store-exclusive ----------------------------------------------------------------

/// Arm ARM, C4.1 "Load/store exclusive register", "... pair"; where a pair has bit 31 clear it is a compare-and-swap.
bool is_exclusive(std::uint32_t word, bool load)
{
    const bool in_table = (word & 0x3fc00000) == (load ? 0x08400000 : 0x08000000);
    const bool pair = word & 1U << 21;
    return in_table && (!pair || word & 1U << 31);
}

/// Where a conditional branch leads; false for all other instructions.
bool find_target(std::uintptr_t address, std::uintptr_t &target)
{
    const std::uint32_t word = read_instruction(address);
    const bool test_bit = (word & 0x7e000000) == 0x36000000;
    if (!test_bit && (word & 0xff000010) != 0x54000000 && (word & 0x7e000000) != 0x34000000)
        return false;
    const unsigned above = test_bit ? 13 : 8; // of the distance, which begins at bit 5
    target = address + static_cast<std::uintptr_t>(static_cast<std::int32_t>(word << above) >> (above + 5) << 2);
    return true;
}

struct Sequence {
    std::uintptr_t load, end;      // end: behind the store
    std::uintptr_t branch, target; // in between, at most one; 0: none
};

Sequence find_sequence(std::uintptr_t load)
{
    constexpr unsigned longest = 16; // as gdb has it; the CPU promises success to shorter ones only
    Sequence sequence{load, load, 0, 0};
    for (unsigned i = 0; i < longest; ++i) {
        const std::uintptr_t address = sequence.end += instruction_size;
        if (is_exclusive(read_instruction(address), false)) {
            sequence.end += instruction_size;
            // A branch to within, or to the same end, leaves no way to tell what has run.
            if (sequence.branch && sequence.target >= load && sequence.target <= sequence.end)
                break;
            return sequence;
        }
        if (!decode_effects(address).branch)
            continue;
        if (sequence.branch || !find_target(address, sequence.target))
            break;
        sequence.branch = address;
    }
    throw Error("bench: instructions cannot be counted: the exclusive sequence at {:#x} is like no known one", load);
}

// ---- the child ------------------------------------------------------------------------------------------------------

[[noreturn]] void run_child(void (*run)(std::size_t), std::size_t iterations)
{
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
        _exit(errno);
    run(1);
    // Nothing that interrupts it belongs to what is counted. Not by the C library's function: the simulated kernel
    // replaces it, so that its ticks come in spite of it.
    const std::uint64_t all_but_trap = ~(std::uint64_t{1} << (SIGTRAP - 1));
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all_but_trap, nullptr, sizeof all_but_trap) != 0)
        _exit(errno);
    (void)raise(SIGSTOP); // cannot be blocked, and the parent waits for it
    run(iterations);
    slicepatch_bench_trace_end();
    _exit(0);
}

class Child {
public:
    explicit Child(pid_t pid) : pid_(pid) {}
    Child(const Child &) = delete;
    Child &operator=(const Child &) = delete;
    ~Child()
    {
        if (!ended_) {
            (void)kill(pid_, SIGKILL);
            (void)waitpid(pid_, nullptr, 0); // killed: there is nothing that its status could say
        }
    }

    /// Until it is about to be counted.
    void wait_for_beginning()
    {
        for (int signal = wait(); signal != SIGSTOP; signal = wait())
            resume(PTRACE_CONT, signal);
        require(ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_EXITKILL));
    }

    [[nodiscard]] std::uintptr_t next_instruction() const
    {
        user_regs_struct registers;
        iovec all{&registers, sizeof registers};
        require(ptrace(PTRACE_GETREGSET, pid_, NT_PRSTATUS, &all));
        return registers.pc;
    }

    void step()
    {
        run_to_trap(PTRACE_SINGLESTEP);
    }

    void run_to_breakpoint()
    {
        run_to_trap(PTRACE_CONT);
    }

    /// Eight bytes of its text.
    [[nodiscard]] long read_text(std::uintptr_t address) const
    {
        errno = 0; // any value may be the answer
        const long bytes = ptrace(PTRACE_PEEKTEXT, pid_, address, nullptr);
        require(errno ? -1 : 0);
        return bytes;
    }

    void write_text(std::uintptr_t address, long bytes)
    {
        require(ptrace(PTRACE_POKETEXT, pid_, address, bytes));
    }

private:
    void run_to_trap(__ptrace_request how)
    {
        int signal = 0; // what stopped it is passed on: one that it dies of ends the loop
        do {
            resume(how, signal);
            signal = wait();
        } while (signal != SIGTRAP);
    }

    void resume(__ptrace_request how, int signal)
    {
        require(ptrace(how, pid_, nullptr, signal));
    }

    /// Returns the signal that stopped it.
    int wait()
    {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0)
            if (errno != EINTR)
                throw Error("bench: the counted child cannot be waited for: {}", std::strerror(errno));
        if (WIFSTOPPED(status))
            return WSTOPSIG(status);
        ended_ = true;
        if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
            throw Error("bench: instructions cannot be counted: the child cannot be traced: {}",
                        std::strerror(WEXITSTATUS(status)));
        throw Error("bench: instructions cannot be counted: the child ended with status {:#x}", status);
    }

    static void require(long result)
    {
        if (result != 0)
            throw Error("bench: instructions cannot be counted: ptrace: {}", std::strerror(errno));
    }

    pid_t pid_;
    bool ended_ = false;
};

/// Until it is removed. Of several at a time the last goes first: their eight bytes may be the same ones.
class Breakpoint {
public:
    Breakpoint(Child &child, std::uintptr_t address)
        : child_(child), address_(address & ~std::uintptr_t{7}), before_(child.read_text(address_))
    {
        constexpr std::uint32_t brk = 0xd4200000;
        long bytes = before_;
        std::memcpy(reinterpret_cast<char *>(&bytes) + address % 8, &brk, sizeof brk);
        child_.write_text(address_, bytes);
    }
    Breakpoint(const Breakpoint &) = delete;
    Breakpoint &operator=(const Breakpoint &) = delete;
    void remove()
    {
        child_.write_text(address_, before_);
    }

private:
    Child &child_;
    std::uintptr_t address_;
    long before_;
};

/// Adds what it has run.
void run_sequence(Child &child, const Sequence &sequence, std::vector<std::uintptr_t> &addresses)
{
    Breakpoint at_end(child, sequence.end);
    if (sequence.branch) {
        Breakpoint at_target(child, sequence.target);
        child.run_to_breakpoint();
        at_target.remove();
    } else {
        child.run_to_breakpoint();
    }
    at_end.remove();
    const std::uintptr_t here = child.next_instruction();
    if (here != sequence.end && (!sequence.branch || here != sequence.target))
        throw Error("bench: instructions cannot be counted: the exclusive sequence at {:#x} ended at {:#x}",
                    sequence.load, here);
    const std::uintptr_t last = here == sequence.end ? sequence.end - instruction_size : sequence.branch;
    for (std::uintptr_t address = sequence.load; address <= last; address += instruction_size)
        addresses.push_back(address);
}

} // namespace

std::vector<std::uintptr_t> trace(void (*run)(std::size_t iterations), std::size_t iterations)
{
    const pid_t pid = fork();
    if (pid < 0)
        throw Error("bench: no child to count in: {}", std::strerror(errno));
    if (pid == 0)
        run_child(run, iterations);
    Child child(pid);
    child.wait_for_beginning();
    std::vector<std::uintptr_t> addresses;
    for (std::uintptr_t next;
         (next = child.next_instruction()) != reinterpret_cast<std::uintptr_t>(slicepatch_bench_trace_end);) {
        if (addresses.size() >= max_instructions)
            throw Error("bench: instructions cannot be counted: {} of them without an end", addresses.size());
        if (is_exclusive(read_instruction(next), true)) {
            run_sequence(child, find_sequence(next), addresses);
        } else {
            addresses.push_back(next);
            child.step();
        }
    }
    return addresses;
}

} // namespace slicepatch::tool::bench
