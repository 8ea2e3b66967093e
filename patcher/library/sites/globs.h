// SPDX-License-Identifier: MIT
//
// What SLICEPATCH_SITES says: a list of globs, of which the last match decides. Pure.
#ifndef SLICEPATCH_GLOBS_H
#define SLICEPATCH_GLOBS_H

#include <cstddef>
#include <span>

namespace slicepatch {

inline constexpr std::size_t longest_glob = 4095; // bytes of one item of a selection, without its '-'

/// Whether no item of the selection is longer than that.
bool is_selection(const char *selection);

/// Whether name is selected by "glob,-glob,...": the last match decides; without a match, a list that starts with an
/// exclusion selects, and any other does not. Null or empty selects everything. The name may be of any length. Marks
/// the items that match: matched, if not null, has one for each.
bool selects(const char *selection, const char *name, bool *matched = nullptr);

/// How many items a selection has.
std::size_t count_globs(const char *selection);

/// Items of a selection that match nothing; first is null if there are none.
struct Unmatched {
    const char *first; // in the selection, of length bytes, with its '-'
    std::size_t length;
    unsigned count;
};

/// matched: of each item of the selection, as selects() marks them; none: nothing is known.
Unmatched find_unmatched(const char *selection, std::span<const bool> matched);

} // namespace slicepatch

#endif
