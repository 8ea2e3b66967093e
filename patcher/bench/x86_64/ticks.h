// SPDX-License-Identifier: MIT
//
// A clock that is no system call, since one in a granted slice would end it.
#ifndef SLICEPATCH_BENCH_TICKS_H
#define SLICEPATCH_BENCH_TICKS_H

#include <cstdint>

/// Of a rate that is the same on all CPUs (invariant TSC: AMD64 manual volume 3, CPUID 80000007h EDX bit 8).
[[gnu::always_inline]] inline std::uint64_t ticks()
{
    return __builtin_ia32_rdtsc();
}

#endif
