// SPDX-License-Identifier: MIT
//
// What this process was told to simulate: read once from the environment, before anything else runs.
#ifndef SLICEPATCH_SIM_SETTINGS_H
#define SLICEPATCH_SIM_SETTINGS_H

#include "protocol.h"

#include <cstddef>

namespace slicepatch::sim {

enum class Kernel { stock, patched, off, none };
enum class FlagsPolicy { automatic, on, off };

struct Settings {
    Kernel kernel = Kernel::patched;
    FlagsPolicy flags = FlagsPolicy::automatic;
    bool strict = false;
    uint64_t tick_ns = default_tick_us * 1000ULL;
    uint64_t slice_ns = default_slice_us * 1000ULL;
    SharedCounters *counters = nullptr; // never null after read_settings()
    bool booted = false;                // everything is ready to answer
};

extern Settings settings;

// Ends the process with a message if a variable holds what it may not. `environment` as a constructor receives it:
// libc's own environ may not be set yet.
void read_settings(char **environment);

// To standard error, as long as that is the file which it was at the start: a program may close it, and open a file of
// its own in its place. For signal handlers.
void write_error(const char *text, size_t length);

// Writes "slicepatch sim: MESSAGE" and ends the process.
[[noreturn]] void fail(const char *message);

inline void count(std::atomic<uint64_t> SharedCounters::*counter)
{
    (settings.counters->*counter).fetch_add(1, std::memory_order_relaxed);
}

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_SETTINGS_H
