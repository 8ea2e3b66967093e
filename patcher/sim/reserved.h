// SPDX-License-Identifier: MIT
//
// The three signals that belong to the simulated kernel.
#ifndef SLICEPATCH_SIM_RESERVED_H
#define SLICEPATCH_SIM_RESERVED_H

#include <signal.h>

namespace slicepatch::sim {

// From the middle of the real-time range: programs count up from SIGRTMIN or down from SIGRTMAX. The kernel delivers
// the lower number first, so an expiry that is already pending is seen before the interrupt that may start the next
// slice.
inline constexpr int expiry_signal = 49;
inline constexpr int tick_signal = 50;
inline constexpr int reserved_signals[] = {SIGSYS, expiry_signal, tick_signal};

inline bool is_reserved(int signal)
{
    return signal == SIGSYS || signal == expiry_signal || signal == tick_signal;
}

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_RESERVED_H
