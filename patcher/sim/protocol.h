// SPDX-License-Identifier: MIT
//
// What the launcher and the preloaded object agree on: the names of the environment variables, and the page of counters
// that they share. The preloaded object works without the launcher as well (LD_PRELOAD alone): every variable has a
// default, and then nobody reads the counters.
#ifndef SLICEPATCH_SIM_PROTOCOL_H
#define SLICEPATCH_SIM_PROTOCOL_H

#include <atomic>
#include <cstdint>

namespace slicepatch::sim {

// stock | patched | off | none
inline constexpr char kernel_variable[] = "SLICEPATCH_SIM_KERNEL";
// CPU time between a thread's interrupts, in microseconds; not finer than the machine's own tick (CONFIG_HZ)
inline constexpr char tick_variable[] = "SLICEPATCH_SIM_TICK_US";
// length of a granted slice, in microseconds of wall time
inline constexpr char slice_variable[] = "SLICEPATCH_SIM_SLICE_US";
// auto | on | off: whether rseq->flags are written; see rseq_flags.h
inline constexpr char flags_variable[] = "SLICEPATCH_SIM_RSEQ_FLAGS";
// 1: report each system call that is made inside a section
inline constexpr char strict_variable[] = "SLICEPATCH_SIM_STRICT";
// path of the file that holds SharedCounters: /proc/PID/fd/N of the launcher, so that no descriptor is inherited
inline constexpr char counters_variable[] = "SLICEPATCH_SIM_COUNTERS";

inline constexpr unsigned default_tick_us = 1000;
inline constexpr unsigned default_slice_us = 50;

// The simulator's own failures, in the numbers that env(1) and timeout(1) use.
inline constexpr int exit_failure = 125;
inline constexpr int exit_not_executable = 126;
inline constexpr int exit_not_found = 127;

// Written by every simulated process at once. A file-backed page, so that it survives any death of a writer.
struct SharedCounters {
    std::atomic<uint64_t> grants;
    std::atomic<uint64_t> yields;
    std::atomic<uint64_t> expired;
    std::atomic<uint64_t> revoked;
    std::atomic<uint64_t> ticks;
    std::atomic<uint64_t> threads;
    std::atomic<uint64_t> section_syscalls;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free, "counters are shared between processes");

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_PROTOCOL_H
