// SPDX-License-Identifier: MIT
//
// slicepatch sim: runs an unmodified program against a simulated kernel that has time slice extensions.
//
// The program, and what it starts, gets an object preloaded that emulates prctl(79) and system call 471 and plays the
// timer interrupt with a signal for each thread. Nothing of the machine changes and no privilege is needed.
#ifndef SLICEPATCH_SIM_LAUNCH_H
#define SLICEPATCH_SIM_LAUNCH_H

#include <cstdint>
#include <string>

namespace slicepatch {

enum class SimKernel {
    stock,   // Linux 7.0: a thread at a time
    patched, // with the series: process-wide and irrevocable
    off,     // with the series, and rseq_slice_ext=0
    none,    // older than 7.0
};

// Whether the simulated kernel writes rseq->flags; automatic: not if the program may use restartable sequences, since
// some real kernels kill it then (rseq_flags.h).
enum class SimRseqFlags { automatic, on, off };

struct SimOptions {
    SimKernel kernel = SimKernel::patched;
    unsigned tick_us = 1000; // CPU time between a thread's interrupts; not finer than the machine's own tick
    unsigned slice_us = 50;  // wall time of a granted slice
    SimRseqFlags rseq_flags = SimRseqFlags::automatic;
    bool strict = false; // report system calls made inside a section
    std::string preload; // the preloaded object; empty: searched next to the tool, see sim_find_preload()
};

// Of the program and everything it started, until it ended; whatever it died of.
struct SimStatistics {
    uint64_t grants = 0;           // slices that were extended
    uint64_t yields = 0;           // given back by system call 471
    uint64_t expired = 0;          // not given back within slice_us
    uint64_t revoked = 0;          // interrupted again while they lasted
    uint64_t ticks = 0;            // interrupts
    uint64_t threads = 0;          // simulated threads, those of child processes too
    uint64_t section_syscalls = 0; // with strict: sections that made a system call
};

// True and the kernel of this name (stock, patched, off, none), or false.
[[nodiscard]] bool sim_kernel_from_name(const std::string &name, SimKernel &kernel);

// The preloaded object, from where the running tool is: in ../lib, where it is installed, or in the same folder.
// Empty if in none.
[[nodiscard]] std::string sim_find_preload();

// Runs argv (ended by null) and waits for it. Returns its exit status, 128 + the signal that killed it, or, with a
// message on stderr: 125 if it cannot be simulated (static, setuid, another architecture, a script of such a program)
// or the simulation cannot be set up, 126 if it is not executable, 127 if it was not found.
// The statistics are set in any case, and the status does not depend on whether a message could be written. While it
// waits, SIGINT and SIGQUIT are left to the program, and SIGTERM and SIGHUP are passed on to it. Not for a process with
// several threads.
[[nodiscard]] int sim_run(const SimOptions &options, char **argv, SimStatistics &statistics);

// What a user must know: what the simulation cannot do, and what to tell a debugger. Several lines.
[[nodiscard]] std::string sim_notes();

} // namespace slicepatch

#endif // SLICEPATCH_SIM_LAUNCH_H
