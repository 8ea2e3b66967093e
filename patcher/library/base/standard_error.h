// SPDX-License-Identifier: MIT
//
// Words for people, where they asked for them (SLICEPATCH_VERBOSE, SLICEPATCH_DEBUG). They may be said in the middle of
// an allocator, or in a signal handler.
#ifndef SLICEPATCH_STANDARD_ERROR_H
#define SLICEPATCH_STANDARD_ERROR_H

#include <initializer_list>

namespace slicepatch {

/// Writes the pieces one behind the other to descriptor 2, of any length, by one write(2) for each 1,024 bytes: no
/// allocation, no lock, no cancellation point. What cannot be written is lost; there is nobody else to tell. Leaves
/// errno alone. Async-signal-safe.
void print_pieces(std::initializer_list<const char *> pieces);

} // namespace slicepatch

#endif
