// SPDX-License-Identifier: MIT
//
// Runs a section instruction by instruction and lets the kernel interrupt it between any two of them, in every way that
// it can: it grants, it grants and takes back, it takes back later, it clears. Arguments: the states of ENTER and EXIT,
// or "wrong" for a section whose end loads before it stores. Prints how many runs there were and how many ended badly.
#include "played_kernel.h"
#include "stepping.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

using namespace slicepatch::test;

namespace {

constexpr int yield_number = SLICEPATCH_NR_RSEQ_SLICE_YIELD;

__attribute__((noinline)) void section()
{
    SLICEPATCH_ENTER_AS("played.enter");
    SLICEPATCH_EXIT_AS("played.exit");
}

// What the library must not be: a grant between the load and the store stays.
__attribute__((noinline)) void wrong_section()
{
    area.slice_request = 1;
    __asm__ volatile("" : : : "memory");
    if (area.slice_granted)
        (void)SLICEPATCH_ARCH_SYSCALL(yield_number);
    area.slice_request = 0;
}

/// request and granted, as the two bytes are in the area.
struct SliceControl {
    std::uint8_t request, granted;
};

enum class Event : std::uint8_t { none, grant, revoke, grant_and_revoke, clear };

/// What happens before which instruction.
struct Interrupts {
    Event first, second;
    std::size_t first_at, second_at;
};

struct Result {
    SliceControl left;
    unsigned grants, yields;
    bool revoked;
    std::size_t instructions;
};

class Stepper {
public:
    Stepper(pid_t child, void (*function)()) : child_(child)
    {
        ready_ = read_registers(child_, start_);
        while (ready_ && next_instruction(start_) != reinterpret_cast<std::uintptr_t>(function))
            ready_ = step() && read_registers(child_, start_);
        end_ = ready_ ? return_address(child_, start_) : 0;
    }

    [[nodiscard]] bool ready() const
    {
        return ready_;
    }

    bool run(const Interrupts &interrupts, Result &result)
    {
        result = {};
        Registers registers = start_;
        write_control({0, 0});
        for (;; ++result.instructions) {
            if (result.instructions == interrupts.first_at)
                happen(interrupts.first, result);
            if (result.instructions == interrupts.second_at)
                happen(interrupts.second, result);
            if (next_instruction(registers) == end_)
                break;
            if (is_system_call(child_, registers, yield_number)) {
                ++result.yields;
                write_control({read_control().request, 0});
                skip_system_call(registers);
                continue;
            }
            if (!write_registers(child_, registers) || !step() || !read_registers(child_, registers))
                return false;
        }
        result.left = read_control();
        return true;
    }

private:
    bool step()
    {
        int status = 0;
        return ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr) == 0 && waitpid(child_, &status, 0) == child_ &&
               WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
    }

    // The word that holds both bytes; the child is a fork, so that its area is where ours is.
    static std::uintptr_t control_address()
    {
        return reinterpret_cast<std::uintptr_t>(&area.slice_request) & ~(sizeof(long) - 1);
    }
    static std::size_t control_offset()
    {
        return reinterpret_cast<std::uintptr_t>(&area.slice_request) - control_address();
    }

    [[nodiscard]] SliceControl read_control() const
    {
        const long word = ptrace(PTRACE_PEEKDATA, child_, control_address(), nullptr);
        SliceControl control;
        std::memcpy(&control, reinterpret_cast<const char *>(&word) + control_offset(), sizeof control);
        return control;
    }

    void write_control(SliceControl control) const
    {
        long word = ptrace(PTRACE_PEEKDATA, child_, control_address(), nullptr);
        std::memcpy(reinterpret_cast<char *>(&word) + control_offset(), &control, sizeof control);
        ptrace(PTRACE_POKEDATA, child_, control_address(), word);
    }

    void happen(Event event, Result &result) const
    {
        SliceControl control = read_control();
        if ((event == Event::grant || event == Event::grant_and_revoke) && control.request) {
            control = {0, 1};
            ++result.grants;
        }
        if ((event == Event::revoke || event == Event::grant_and_revoke) && control.granted) {
            control.granted = 0;
            result.revoked = true;
        }
        if (event == Event::clear)
            control.request = 0;
        write_control(control);
    }

    pid_t child_;
    Registers start_{};
    std::uintptr_t end_ = 0;
    bool ready_ = false;
};

bool is_right(const Result &result)
{
    // A grant that was taken back may be yielded all the same: the loader of the byte cannot know.
    const bool yields_fit = result.revoked ? result.yields <= result.grants : result.yields == result.grants;
    return !result.left.request && !result.left.granted && yields_fit && result.grants <= 1;
}

struct Totals {
    unsigned runs = 0, bad = 0, grants = 0, yields = 0;
    bool complete = true; // no run failed
};

class Trial {
public:
    explicit Trial(Stepper &stepper) : stepper_(stepper) {}

    /// One run; its length in instructions, of which the interrupts may have changed the number.
    std::size_t run(const Interrupts &interrupts)
    {
        Result result;
        totals.complete = totals.complete && stepper_.run(interrupts, result);
        ++totals.runs;
        totals.bad += !is_right(result);
        totals.grants += result.grants;
        totals.yields += result.yields;
        return result.instructions;
    }

    /// Every event at every place, and every second event at every later place of the path that the first one led to.
    void run_all(std::size_t instructions)
    {
        for (std::size_t at = 0; at <= instructions; ++at) {
            run({Event::grant_and_revoke, Event::none, at, at});
            const std::size_t granted = run({Event::grant, Event::none, at, at});
            for (std::size_t later = at + 1; later <= granted; ++later)
                run({Event::grant, Event::revoke, at, later});
            const std::size_t cleared = run({Event::clear, Event::none, at, at});
            for (std::size_t later = at + 1; later <= cleared; ++later)
                run({Event::clear, Event::grant, at, later});
        }
    }

    Totals totals;

private:
    Stepper &stepper_;
};

} // namespace

int main(int count, char **words)
{
    const bool wrong = count == 2 && !std::strcmp(words[1], "wrong");
    void (*const function)() = wrong ? wrong_section : section;
    if (!wrong && (count != 3 || !put_into(words[1], words[2], use_played_area(true))))
        return 2;
    const pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr))
            _exit(77);
        raise(SIGSTOP);
        function();
        _exit(0); // never: the tracer ends it first
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
        std::printf("unsupported=this process may not trace its child\n");
        return 77;
    }
    Stepper stepper(child, function);
    Result undisturbed;
    const bool started = stepper.ready() && stepper.run({Event::none, Event::none, 0, 0}, undisturbed);
    Trial trial(stepper);
    if (started)
        trial.run_all(undisturbed.instructions);
    const Totals &totals = trial.totals;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    std::printf("complete=%s\ninstructions=%zu\nundisturbed=%s\nruns=%u\ngrants=%u\nyields=%u\nbad=%u\n",
                started && totals.complete ? "yes" : "no", undisturbed.instructions,
                is_right(undisturbed) ? "right" : "wrong", totals.runs, totals.grants, totals.yields, totals.bad);
}
