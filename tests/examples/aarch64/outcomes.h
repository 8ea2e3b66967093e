// SPDX-License-Identifier: MIT
//
// What cold blocks can count at enabled sites.
#ifndef SLICEPATCH_TESTS_EXAMPLES_OUTCOMES_H
#define SLICEPATCH_TESTS_EXAMPLES_OUTCOMES_H

namespace slicepatch::test {

// An enabled EXIT looks at the grant alone: one that is gone by then goes unseen.
inline constexpr bool sees_lost_slices = false;

} // namespace slicepatch::test

#endif
