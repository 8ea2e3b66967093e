// SPDX-License-Identifier: MIT
#include "patch.h"

#include "forms.h"
#include "threads.h"

#include <cstddef>
#include <cstring>

namespace slicepatch {

namespace {

/// Everything that can be off must be off before the first EXIT is: that is the last pass.
enum class Pass : std::uint8_t { everything, all_but_exits_off, exits_off };

bool belongs(Pass pass, Kind kind, Action action)
{
    const bool exit_off = kind == Kind::exit && action == Action::off;
    return pass == Pass::everything || exit_off == (pass == Pass::exits_off);
}

/// The words of one site that differ between its bytes and the form: tail first, head last.
template <class Word> Status add_site_edits(const FormTable &forms, const Site &site, State state, Array<Edit> &edits)
{
    const Place place = site_place(*site.record);
    const Form &form = forms.form(site.kind, state);
    std::uint8_t then[max_site_size];
    if (Status status = forms.backend->place(form, place, then); status != Status::ok)
        return status;
    const std::size_t words = (form.size + sizeof(Word) - 1) / sizeof(Word);
    for (std::size_t word = words; word-- > 0;) {
        const std::size_t offset = word * sizeof(Word);
        Edit edit;
        edit.address = place.head + offset;
        edit.size = sizeof(Word);
        // The last word may reach beyond the site: aligned, it never leaves the page, and what is there stays.
        std::memcpy(edit.before, reinterpret_cast<const void *>(edit.address), sizeof(Word));
        std::memcpy(edit.after, edit.before, sizeof(Word));
        if (form.size - offset >= sizeof(Word))
            std::memcpy(edit.after, then + offset, sizeof(Word));
        else
            std::memcpy(edit.after, then + offset, form.size - offset);
        if (std::memcmp(edit.before, edit.after, sizeof(Word)))
            if (Status status = edits.push(edit); status != Status::ok)
                return status;
    }
    return Status::ok;
}

/// What an object's dynamic paths need to know, before any site of it changes.
void tell_objects(const KernelFacts &facts, const PatchResult &result)
{
    for (const Object &object : result.list.objects) {
        if (facts.tcmalloc)
            object.state->rseq_offset = SLICEPATCH_RSEQ_OFFSET_NONE;
        object.state->yield_number = result.yield_number;
        object.state->enabled = result.guarantee.level != SLICEPATCH_GUARANTEE_NONE;
    }
}

/// What is there now. Each edit was compared right behind its write, so that a complete write needs no second look;
/// after any other, every site is read once more: the report says what is there, not what was meant.
Status record_states(const FormTable &forms, const Array<Action> &actions, bool complete, SiteList &list)
{
    Status status = Status::ok;
    for (Site &site : list.sites) {
        const Action action = actions[site.group];
        if (site.trouble != Status::ok || (complete && action == Action::leave))
            continue;
        if (complete && site.state == State::compiled) {
            site.state = action == Action::enable ? State::enabled : State::off;
            continue;
        }
        const Place place = site_place(*site.record);
        site.state = read_state(forms, site.kind, place, reinterpret_cast<const std::uint8_t *>(place.head));
        if (site.state == State::foreign)
            status = site.trouble = Status::write_failed;
    }
    return status;
}

/// Where the request byte is; where there is no area, no enabled form is ever written and any place does.
std::int64_t slice_ctrl_of(const KernelFacts &facts)
{
    const std::int64_t area = facts.rseq_offset == SLICEPATCH_RSEQ_OFFSET_NONE ? 0 : facts.rseq_offset;
    return area + std::int64_t{offsetof(slicepatch_rseq, slice_request)};
}

} // namespace

Status make_edits(const FormTable &forms, const SiteList &list, const Array<Action> &actions, bool ordered,
                  Array<Edit> &edits)
{
    if (Status status = edits.reserve(list.sites.size()); status != Status::ok)
        return status;
    constexpr Pass in_order[] = {Pass::all_but_exits_off, Pass::exits_off}, at_once[] = {Pass::everything};
    const std::span<const Pass> passes = ordered ? std::span<const Pass>(in_order) : std::span<const Pass>(at_once);
    for (Pass pass : passes) {
        for (const Site &site : list.sites) {
            const Action action = actions[site.group];
            if (action == Action::leave || site.state != State::compiled || !belongs(pass, site.kind, action))
                continue;
            const State state = action == Action::enable ? State::enabled : State::off;
            const Status status = forms.backend->head_size == sizeof(std::uint64_t)
                                      ? add_site_edits<std::uint64_t>(forms, site, state, edits)
                                      : add_site_edits<std::uint32_t>(forms, site, state, edits);
            if (status != Status::ok)
                return status;
        }
    }
    return Status::ok;
}

void patch_process(const PatchOptions &options, PatchResult &result)
{
    const Backend &backend = host_backend();

    // Find every site of every loaded object.
    if ((result.status = find_sites(backend, result.list)) != Status::ok)
        return;

    // Guarantee: what the kernel gives, from here on for good.
    const KernelFacts facts = ask_kernel();
    result.guarantee = obtain_guarantee(facts, options.request);
    if (result.guarantee.level < options.required) {
        result.status = Status::required_guarantee;
        return;
    }
    if (result.guarantee.level != SLICEPATCH_GUARANTEE_NONE)
        result.yield_number = find_yield_number();
    result.threads_hooked = threads_are_hooked();
    if (result.guarantee.level == SLICEPATCH_GUARANTEE_THREAD)
        enable_all_threads();

    // Encode each sequence once, and prove it.
    FormTable forms;
    if ((result.status = make_forms(backend, slice_ctrl_of(facts), forms)) != Status::ok)
        return;

    // Verify all sites before any byte is written: what is not as compiled, or as we would leave it, stays.
    read_states(forms, result.list);

    // Plan, by group.
    result.other_threads = !single_threaded();
    const PlanInput input{
        .guarantee = result.guarantee.level,
        .threads_hooked = result.threads_hooked,
        .other_threads = result.other_threads,
        // GET speaks for the calling thread; the guarantee for others too, whose areas may be younger.
        .kernel_may_grant = facts.state >= 0 || result.guarantee.level != SLICEPATCH_GUARANTEE_NONE,
    };
    Array<Action> actions;
    if ((result.status = plan(result.list, input, options.selection, actions)) != Status::ok)
        return;
    Array<Edit> edits;
    if ((result.status = make_edits(forms, result.list, actions, input.kernel_may_grant, edits)) != Status::ok)
        return;

    // Write, sync.
    tell_objects(facts, result);
    result.written =
        write_edits(edits, options.writer, result.other_threads, backend.live_writes_proven() || options.live_opt_in);
    if (!edits.empty())
        if (Status status = backend.sync_text(edits[0].address, edits[edits.size() - 1].address); status != Status::ok)
            result.status = status;

    // Report what is there now.
    const bool complete = result.written.status == Status::ok;
    if (Status status = record_states(forms, actions, complete, result.list); status != Status::ok)
        result.status = status;
}

} // namespace slicepatch
