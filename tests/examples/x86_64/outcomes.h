// SPDX-License-Identifier: MIT
//
// What cold blocks can count at enabled sites.
#ifndef SLICEPATCH_TESTS_EXAMPLES_OUTCOMES_H
#define SLICEPATCH_TESTS_EXAMPLES_OUTCOMES_H

namespace slicepatch::test {

// An enabled EXIT sees the request that is gone.
inline constexpr bool sees_lost_slices = true;

} // namespace slicepatch::test

#endif
