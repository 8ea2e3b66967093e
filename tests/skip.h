// SPDX-License-Identifier: MIT
//
// What a machine lacks is no failure of ours: cases say so and leave, and skipping_main.cpp ends with status 77.
#ifndef SLICEPATCH_TESTS_SKIP_H
#define SLICEPATCH_TESTS_SKIP_H

#include <cstdio>
#include <cstdlib>
#include <string>

namespace slicepatch::test {

/// What runs programs of this architecture where the CPU does not; null where it does.
inline const char *emulator()
{
    return std::getenv("SLICEPATCH_EMULATOR");
}

inline constexpr int skipped_status = 77;
inline unsigned skips = 0; // so far, where the process went on

/// Under an emulator each case is a process of its own, which ends here; elsewhere its caller returns.
inline void skip(const std::string &reason)
{
    ++skips;
    std::printf("SKIP: %s\n", reason.c_str());
    std::fflush(stdout);
    if (emulator())
        std::_Exit(skipped_status);
}

} // namespace slicepatch::test

#endif // SLICEPATCH_TESTS_SKIP_H
