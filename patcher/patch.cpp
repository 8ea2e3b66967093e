// SPDX-License-Identifier: MIT
#include "patch.h"

#include "edits.h"
#include "forms.h"
#include "registration.h"
#include "threads.h"

#include <cstddef>
#include <cstring>

namespace slicepatch {

namespace {

/// Whatever else happens: the bytes of slice_ctrl are somebody else's.
void keep_out_of_area(const SiteList &list)
{
    for (const Object &object : list.objects)
        object.state->rseq_offset = SLICEPATCH_RSEQ_OFFSET_NONE;
}

/// What an object's dynamic paths need to know, before any site of it changes.
void tell_objects(const KernelFacts &facts, const PatchResult &result)
{
    for (const Object &object : result.list.objects) {
        if (facts.owned)
            object.state->rseq_offset = facts.rseq_offset;
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
        site.state = read_state(forms, site.kind, site_place(*site.record));
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

/// Where nobody else runs: site by site.
Status write_sites(EditWalk whole, Writer wanted, WriteResult &written)
{
    TextWriter writer(wanted, false, false, whole.span());
    const Status status = write_edits(whole, writer);
    written = writer.finish();
    return status;
}

/// Nothing is wrong with any one site; the first one stands for all.
bool synchronise(const Backend &backend, const EditWalk &heads, WriteResult &written)
{
    written.status = backend.sync_threads();
    if (written.status == Status::ok)
        return true;
    written.failed_at = heads.span().front().first;
    return false;
}

/// Under running threads: all tails, which no head leads to yet, then the heads. That nothing can come between the two
/// is found out before.
Status write_live(const Backend &backend, EditWalk tails, EditWalk heads, bool allowed, WriteResult &written)
{
    if (heads.span().empty())
        return Status::ok;
    if (allowed && !synchronise(backend, heads, written))
        return Status::ok;
    TextWriter writer(Writer::live, true, allowed, heads.span());
    Status status = write_edits(tails, writer);
    written = writer.result();
    if (status != Status::ok || written.status != Status::ok)
        return status;
    if (!synchronise(backend, heads, written))
        return Status::ok;
    status = write_edits(heads, writer);
    written = writer.finish();
    return status;
}

} // namespace

void patch_process(const PatchOptions &options, PatchResult &result)
{
    const Backend &backend = host_backend();

    // Find every site of every loaded object.
    if ((result.status = find_sites(backend, result.list)) != Status::ok)
        return;

    // Guarantee: what the kernel gives, from here on for good.
    KernelFacts facts = ask_kernel();
    if (facts.tcmalloc)
        keep_out_of_area(result.list);
    const bool new_area = choose_area(result.list, options.request, facts);
    result.guarantee = obtain_guarantee(facts, options.request);
    if (new_area && result.guarantee.level == SLICEPATCH_GUARANTEE_NONE)
        give_back_area(facts);
    if (result.guarantee.level < options.required) {
        result.status = Status::required_guarantee;
        return;
    }
    if (result.guarantee.level != SLICEPATCH_GUARANTEE_NONE)
        result.yield_number = find_yield_number();
    result.threads_hooked = threads_are_hooked();

    // Encode each sequence once, and prove it.
    FormTable forms;
    if ((result.status = make_forms(backend, slice_ctrl_of(facts), forms)) != Status::ok)
        return;

    // Verify all sites before any byte is written: what is not as compiled, or as we would leave it, stays.
    read_states(forms, result.list);

    // What the user has chosen: files are read for that, which may take its time.
    if ((result.status = select_groups(result.list, options.selection, result.selection)) != Status::ok)
        return;

    // Plan, by group. From here on no signal handler of this thread starts a thread or runs a half-written site.
    const SignalsBlocked blocked;
    result.other_threads = !single_threaded();
    const PlanInput input{
        .guarantee = result.guarantee.level,
        .threads_hooked = result.threads_hooked,
        .other_threads = result.other_threads,
        // GET speaks for the calling thread; the guarantee for others too, whose areas may be younger.
        .kernel_may_grant = facts.state >= 0 || result.guarantee.level != SLICEPATCH_GUARANTEE_NONE,
    };
    Array<Action> actions;
    if ((result.status = plan(result.list, input, result.selection.groups, actions)) != Status::ok)
        return;

    // Write, sync.
    tell_objects(facts, result);
    const auto walk = [&](Part part) {
        return EditWalk(forms, result.list, actions, input.kernel_may_grant, part);
    };
    if (result.other_threads)
        result.status = write_live(backend, walk(Part::tails), walk(Part::heads),
                                   options.live_opt_in || live_writes_proven(), result.written);
    else
        result.status = write_sites(walk(Part::whole), options.writer, result.written);

    // Report what is there now.
    const bool complete = result.status == Status::ok && result.written.status == Status::ok;
    if (Status status = record_states(forms, actions, complete, result.list); status != Status::ok)
        result.status = status;
}

} // namespace slicepatch
