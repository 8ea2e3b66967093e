// SPDX-License-Identifier: MIT
//
// A clock that is no system call, since one in a granted slice would end it.
#ifndef SLICEPATCH_BENCH_TICKS_H
#define SLICEPATCH_BENCH_TICKS_H

#include <cstdint>

/// Of a rate that is the same on all CPUs, as is what it counts: the system counter, which never runs backwards (Arm
/// ARM DDI 0487, "The Generic Timer in AArch64 state"). CNTFRQ_EL0 has the rate, tens of MHz up to 1 GHz: short waits
/// fit into one tick. The kernel lets programs read it; on CPUs where it may be wrong, it answers in its place.
[[gnu::always_inline]] inline std::uint64_t ticks()
{
    std::uint64_t count;
    __asm__ volatile("mrs %[count], cntvct_el0" : [count] "=r"(count));
    return count;
}

#endif
