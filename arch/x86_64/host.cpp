// SPDX-License-Identifier: MIT
//
// Compiled where this is the architecture that the program runs on.
#include "x86_64.h"

#include <cerrno>
#include <cpuid.h>
#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>

namespace slicepatch {

namespace {

/// A thread may have CPUID fault, with a signal that init blocks (arch_prctl(2), ARCH_SET_CPUID). Kernels that cannot
/// do that answer with an error.
bool cpuid_faults()
{
    constexpr int get_cpuid = 0x1011; // ARCH_GET_CPUID of <asm/prctl.h>
    const int before = errno;
    const bool faults = syscall(SYS_arch_prctl, get_cpuid, 0) == 0;
    errno = before;
    return faults;
}

} // namespace

const Backend &host_backend()
{
    return x86_64_backend;
}

/// AMD documents that an aligned quadword is fetched as a whole by another core (AMD64 APM vol. 2, 7.6.1,
/// "cross-modifying code"); Intel's errata call unsynchronised cross-modifying code unpredictable, and of others
/// nothing is documented, so that it is opt-in there.
bool live_writes_proven()
{
    unsigned leaf = 0, vendor[3] = {}; // in the order in which they are text (AMD64 APM vol. 3, E.3.1)
    if (cpuid_faults() || !__get_cpuid(0, &leaf, &vendor[0], &vendor[2], &vendor[1]))
        return false;
    return !std::memcmp(vendor, "AuthenticAMD", sizeof vendor);
}

} // namespace slicepatch
