// SPDX-License-Identifier: MIT
//
// What a machine lacks is no failure of ours: cases say so and leave.
#ifndef SLICEPATCH_TESTS_BENCH_SKIP_H
#define SLICEPATCH_TESTS_BENCH_SKIP_H

#include <cstdio>
#include <cstdlib>
#include <string>

namespace slicepatch::test {

/// What runs programs of this architecture where the CPU does not; null where it does.
inline const char *emulator()
{
    return std::getenv("SLICEPATCH_EMULATOR");
}

/// Under an emulator each case is a process of its own, which ends here; elsewhere its caller returns.
inline void skip(const std::string &reason)
{
    std::printf("SKIP: %s\n", reason.c_str());
    std::fflush(stdout);
    if (emulator())
        std::_Exit(77);
}

} // namespace slicepatch::test

#endif // SLICEPATCH_TESTS_BENCH_SKIP_H
