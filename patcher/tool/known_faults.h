// SPDX-License-Identifier: MIT
//
// Kernels that have slice extensions, and faults with them.
#ifndef SLICEPATCH_TOOL_KNOWN_FAULTS_H
#define SLICEPATCH_TOOL_KNOWN_FAULTS_H

#include <string>

namespace slicepatch::tool {

/// What is known against a kernel of that release ("7.1.3-amd64"), "" if nothing is. A release does not say which fixes
/// its maker has taken over, so that this is a note and no verdict.
///
/// Sources: the linux-kernel list, 2026-08-10, on top of 7.2-rc6 (a hard lockup on a granted slice, whose timer was to be
/// rearmed later); and 2026-05-06, taken over by later 7.0.y (no extensions for registrations of 32 bytes).
std::string known_fault(const std::string &release);

} // namespace slicepatch::tool

#endif
