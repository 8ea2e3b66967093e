// SPDX-License-Identifier: MIT
//
// One line for each sequence: bytes as text, so that a failure reads like a disassembler's column.
#ifndef SLICEPATCH_TESTS_GOLDEN_H
#define SLICEPATCH_TESTS_GOLDEN_H

#include "arch/backend.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <string>

namespace slicepatch::tests {

/// The encoded and placed bytes of a site, as hexadecimal text; the words of the status where that fails.
inline std::string encoded(const Backend &backend, Kind kind, State state, std::int64_t slice_ctrl, const Place &place)
{
    Form form;
    if (Status status = backend.encode(kind, state, slice_ctrl, form); status != Status::ok)
        return status_text(status);
    std::uint8_t bytes[max_site_size];
    if (Status status = backend.place(form, place, bytes); status != Status::ok)
        return status_text(status);
    if (Status status = backend.verify(form, place, slice_ctrl, {bytes, form.size}); status != Status::ok)
        return status_text(status);
    std::string text;
    char byte[4];
    for (unsigned i = 0; i < form.size; ++i) {
        std::snprintf(byte, sizeof byte, i ? " %02x" : "%02x", bytes[i]);
        text += byte;
    }
    return text;
}

struct Golden {
    Kind kind;
    State state;
    std::int64_t slice_ctrl;
    std::string bytes;
};

/// Each line of a table, and that no kind or state is missing in it.
inline void check_golden(const Backend &backend, const Place &place, std::initializer_list<Golden> table)
{
    for (const Golden &line : table) {
        CAPTURE(std::string(kind_name(line.kind)));
        CAPTURE(std::string(state_name(line.state)));
        CAPTURE(line.slice_ctrl);
        CHECK(encoded(backend, line.kind, line.state, line.slice_ctrl, place) == line.bytes);
    }
    for (Kind kind : all_kinds)
        for (State state : encoded_states)
            CHECK(std::any_of(table.begin(), table.end(),
                              [&](const Golden &line) { return line.kind == kind && line.state == state; }));
}

} // namespace slicepatch::tests

#endif
