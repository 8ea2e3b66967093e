// SPDX-License-Identifier: MIT
#include "forms.h"

#include <cstring>

namespace slicepatch {

Status make_forms(const Backend &backend, std::int64_t slice_ctrl, FormTable &table)
{
    // Any addresses do: operands that vary from site to site are filled in the same way at each of them.
    constexpr Place sample{.head = 0x10000, .cold = 0x11118, .taken = 0xeee8};
    table.backend = &backend;
    table.slice_ctrl = slice_ctrl;
    for (Kind kind : all_kinds) {
        for (State state : encoded_states) {
            Form &form = table.forms[static_cast<unsigned>(kind) - 1][static_cast<unsigned>(state)];
            if (Status status = backend.encode(kind, state, slice_ctrl, form); status != Status::ok)
                return status;
            std::uint8_t bytes[max_site_size];
            if (Status status = backend.place(form, sample, bytes); status != Status::ok)
                return status;
            if (Status status = backend.verify(form, sample, slice_ctrl, {bytes, form.size}); status != Status::ok)
                return status;
        }
    }
    return Status::ok;
}

namespace {

/// Of at least a word, by words: this runs for every site of a process, several times.
bool same_bytes(const std::uint8_t *a, const std::uint8_t *b, std::size_t size)
{
    const auto same_word = [&](std::size_t offset) {
        std::uint64_t word_a, word_b;
        std::memcpy(&word_a, a + offset, sizeof word_a);
        std::memcpy(&word_b, b + offset, sizeof word_b);
        return word_a == word_b;
    };
    for (std::size_t offset = 0; offset + sizeof(std::uint64_t) <= size; offset += sizeof(std::uint64_t))
        if (!same_word(offset))
            return false;
    return same_word(size - sizeof(std::uint64_t));
}

} // namespace

State read_state(const FormTable &table, Kind kind, const Place &place, const std::uint8_t *bytes)
{
    for (State state : encoded_states) {
        const Form &form = table.form(kind, state);
        std::uint8_t expected[max_site_size];
        // A form that cannot reach its target from here cannot be what is here.
        if (table.backend->place(form, place, expected) == Status::ok && same_bytes(expected, bytes, form.size))
            return state;
    }
    return State::foreign;
}

} // namespace slicepatch
