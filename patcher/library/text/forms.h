// SPDX-License-Identifier: MIT
//
// The nine sequences of an architecture, encoded once and proven once, for one place of the request byte.
#ifndef SLICEPATCH_FORMS_H
#define SLICEPATCH_FORMS_H

#include "arch/backend.h"
#include "patcher/library/sites/sites.h"

namespace slicepatch {

struct FormTable {
    const Backend *backend;
    std::int64_t slice_ctrl; // request byte, bytes from the thread pointer
    Form forms[all_kinds.size()][encoded_states.size()];

    [[nodiscard]] const Form &form(Kind kind, State state) const
    {
        return forms[static_cast<unsigned>(kind) - 1][static_cast<unsigned>(state)];
    }
};

inline constexpr unsigned every_kind = ~0U;

/// Encodes all forms of these kinds (1 << kind each), places each at a sample site and proves the result. Nothing may be
/// written before this is ok, and the forms of other kinds are no forms.
Status make_forms(const Backend &backend, std::int64_t slice_ctrl, FormTable &table, unsigned kinds = every_kind);

/// The state of a site of this process, whose bytes are readable, by comparison with all forms; foreign when it is none
/// of them. Faster than decode() by far.
State read_state(const FormTable &table, Kind kind, const Place &place);

/// Reads the bytes of each site that has no trouble. Foreign bytes are trouble of their group.
void read_states(const FormTable &forms, SiteList &list);

} // namespace slicepatch

#endif
