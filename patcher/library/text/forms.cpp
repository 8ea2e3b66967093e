// SPDX-License-Identifier: MIT
#include "forms.h"

#include "patcher/library/base/populate.h"

#include <cstring>

namespace slicepatch {

Status make_forms(const Backend &backend, std::int64_t slice_ctrl, FormTable &table, unsigned kinds)
{
    // Any addresses do: operands that vary from site to site are filled in the same way at each of them.
    constexpr Place sample{.head = 0x10000, .cold = 0x11118, .taken = 0xeee8};
    table.backend = &backend;
    table.slice_ctrl = slice_ctrl;
    Form encoded[all_kinds.size() * encoded_states.size()];
    std::size_t count = 0;
    for (Kind kind : all_kinds)
        for (State state : encoded_states)
            if (kinds >> static_cast<unsigned>(kind) & 1)
                encoded[count++] = {kind, state, 0, 0, {}, {}};
    if (Status status = backend.encode_all(slice_ctrl, {encoded, count}); status != Status::ok)
        return status;
    for (const Form &form : std::span(encoded, count))
        table.forms[static_cast<unsigned>(form.kind) - 1][static_cast<unsigned>(form.state)] = form;
    for (Kind kind : all_kinds) {
        if (!(kinds >> static_cast<unsigned>(kind) & 1))
            continue;
        for (State state : encoded_states) {
            const Form &form = table.form(kind, state);
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

/// Word by word, as place() stores them. The last word may reach beyond the site: aligned, it never leaves the page.
template <class Word> bool text_is(const std::uint8_t *expected, std::uint64_t head, std::size_t size)
{
    for (std::size_t offset = 0; offset < size; offset += sizeof(Word)) {
        Word wanted, found;
        std::memcpy(&wanted, expected + offset, sizeof wanted);
        std::memcpy(&found, reinterpret_cast<const void *>(head + offset), sizeof found);
        const std::size_t left = size - offset;
        const Word site_bytes = left >= sizeof(Word) ? ~Word{0} : ~(~Word{0} << left * 8);
        if ((wanted ^ found) & site_bytes)
            return false;
    }
    return true;
}

template <class Word> State read_state_by(const FormTable &table, Kind kind, const Place &place)
{
    for (State state : encoded_states) {
        const Form &form = table.form(kind, state);
        std::uint8_t expected[max_site_size];
        // A form that cannot reach its target from here cannot be what is here.
        if (table.backend->place(form, place, expected) == Status::ok && text_is<Word>(expected, place.head, form.size))
            return state;
    }
    return State::foreign;
}

} // namespace

State read_state(const FormTable &table, Kind kind, const Place &place)
{
    return table.backend->head_size == sizeof(std::uint64_t) ? read_state_by<std::uint64_t>(table, kind, place)
                                                             : read_state_by<std::uint32_t>(table, kind, place);
}

namespace {

/// The text from the first site to the last, if there is one on every page or so: what lies between is not needed.
void populate_text(const SiteList &list, const Object &object)
{
    constexpr std::size_t page = 4096; // the smallest; of larger ones fewer have none
    if (object.site_count < 2)
        return;
    const Site *const sites = &list.sites[object.first_site];
    const Site &from = sites[0], &to = sites[object.site_count - 1];
    if (from.trouble != Status::ok || to.trouble != Status::ok) // or they may be anywhere
        return;
    const std::uintptr_t first = named_by(from.record->head), last = named_by(to.record->head);
    if (last > first && (last - first) / page <= object.site_count)
        (void)populate_for_reading(reinterpret_cast<const void *>(first), last - first); // only cheaper
}

} // namespace

void read_states(const FormTable &forms, SiteList &list)
{
    for (const Object &object : list.objects)
        populate_text(list, object);
    const Site *before = nullptr;
    for (Site &site : list.sites) {
        if (site.repeated)
            site.state = before->state;
        before = &site;
        if (site.repeated || site.trouble != Status::ok)
            continue;
        site.state = read_state(forms, site.kind, site_place(*site.record));
        if (site.state != State::foreign)
            continue;
        site.trouble = Status::bytes_foreign;
        Group &group = list.groups[site.group];
        if (group.trouble == Status::ok)
            group.trouble = Status::group_inconsistent;
    }
}

} // namespace slicepatch
