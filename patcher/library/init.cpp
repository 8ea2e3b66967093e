// SPDX-License-Identifier: MIT
#include "init.h"

#include "patcher/library/text/edits.h"
#include "patcher/library/text/forms.h"
#include "patcher/library/guarantee/area.h"
#include "patcher/library/text/relations.h"
#include "patcher/library/guarantee/threads.h"

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

/// The areas of a copy of the library that does not see our slicepatch_registration, as that of a program with
/// libslicepatch.a: it told the objects whose sites it patched. 0 if there are none.
std::int64_t find_told_offset(const SiteList &list, std::int64_t libc_offset)
{
    for (const Object &object : list.objects) {
        const std::int64_t told = object.state->rseq_offset;
        if (told != SLICEPATCH_RSEQ_OFFSET_LIBC && told != SLICEPATCH_RSEQ_OFFSET_NONE && told != libc_offset)
            return told;
    }
    return 0;
}

/// What an object's dynamic paths need to know, before any site of it changes. Where libc's area is too: its own
/// reference to __rseq_offset is nothing to rely on, since linkers may have made it 0 (kernel.cpp).
void tell_objects(const KernelFacts &facts, const PatchResult &result)
{
    for (const Object &object : result.list.objects) {
        object.state->rseq_offset = facts.rseq_offset;
        object.state->yield_number = result.yield_number;
        object.state->enabled = result.guarantee.level != SLICEPATCH_GUARANTEE_NONE;
    }
}

/// Nothing was written or set; the guarantee says why not.
void refuse_required(const Guarantee &guarantee, PatchResult &result)
{
    result.guarantee = guarantee;
    result.guarantee.level = SLICEPATCH_GUARANTEE_NONE;
    result.status = Status::required_guarantee;
}

/// What is there now. Each edit was compared right behind its write, so that a complete write needs no second look;
/// after any other, every site is read once more: the report says what is there, not what was meant.
Status record_states(const FormTable &forms, const Array<Action> &actions, bool complete, SiteList &list)
{
    Status status = Status::ok;
    const Site *before = nullptr;
    for (Site &site : list.sites) {
        if (site.repeated)
            site.state = before->state;
        before = &site;
        const Action action = action_for(site.kind, actions[site.group]);
        if (site.repeated || site.trouble != Status::ok || (complete && action == Action::leave))
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
Status write_sites(EditWalk whole, Writer wanted, Array<Edit> &edits, WriteResult &written)
{
    TextWriter writer(wanted, false, false, whole.span());
    const Status status = write_edits(whole, writer, edits);
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
Status write_live(const Backend &backend, EditWalk tails, EditWalk heads, bool allowed, Array<Edit> &edits,
                  WriteResult &written)
{
    if (heads.span().empty())
        return Status::ok;
    if (allowed && !synchronise(backend, heads, written))
        return Status::ok;
    TextWriter writer(Writer::live, true, allowed, heads.span());
    Status status = write_edits(tails, writer, edits);
    written = writer.result();
    if (status != Status::ok || written.status != Status::ok) {
        written = writer.finish();
        return status;
    }
    if (!synchronise(backend, heads, written)) {
        if (const WriteResult &end = writer.finish(); end.status != Status::ok)
            written = end; // worse than that nothing is enabled
        return Status::ok;
    }
    status = write_edits(heads, writer, edits);
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

    // What the user has chosen: files are read for that, which may take its time.
    if ((result.status = select_groups(result.list, options.selection, result.selection)) != Status::ok)
        return;

    // No error behind this point but those of the writes: the kernel keeps what it is asked for.
    Array<Action> actions;
    Array<Edit> edits;
    Relations relations(result.list);
    if ((result.status = actions.reserve(result.list.groups.size())) != Status::ok ||
        (result.status = relations.reserve()) != Status::ok || (result.status = reserve_edits(edits)) != Status::ok)
        return;

    // Guarantee: what the kernel gives, from here on for good.
    const GuaranteeRequest &request = options.request;
    KernelFacts facts = request.off ? look_without_asking() : ask_kernel();
    if (facts.tcmalloc) {
        keep_out_of_area(result.list);
        facts.rseq_offset = SLICEPATCH_RSEQ_OFFSET_NONE;
    }
    const bool wants_process = options.required == SLICEPATCH_GUARANTEE_PROCESS;
    if (const char *obstacle = wants_process ? process_obstacle(facts, request) : nullptr)
        return refuse_required(make_guarantee(SLICEPATCH_GUARANTEE_NONE, obstacle), result);
    AreaChoice area(find_told_offset(result.list, facts.rseq_offset), request, facts);
    result.guarantee = obtain_guarantee(facts, request);
    result.own_refusal = facts.own_refusal;
    if (result.guarantee.level < options.required)
        return refuse_required(result.guarantee, result);
    if (result.guarantee.level == SLICEPATCH_GUARANTEE_NONE)
        area.give_back();
    else
        result.yield_number = find_yield_number();
    area.keep();
    tell_objects(facts, result);
    result.threads_hooked = threads_are_hooked();

    // Encode each sequence once, and prove it.
    FormTable forms;
    if ((result.status = make_forms(backend, slice_ctrl_of(facts), forms)) != Status::ok)
        return;

    // Verify all sites before any byte is written: what is not as compiled, or as we would leave it, stays.
    read_states(forms, result.list);

    // Plan, by group. From here on no signal handler of this thread starts a thread or runs a half-written site.
    const SignalsBlocked blocked;
    result.other_threads = !single_threaded();
    const PlanInput input{
        .guarantee = result.guarantee.level,
        .threads_hooked = result.threads_hooked,
        .other_threads = result.other_threads,
        // GET speaks for the calling thread; the guarantee for others too, whose areas may be younger. Who is to ask for
        // nothing does not call GET either.
        .kernel_may_grant = request.off ? may_be_granted(facts)
                                        : facts.state >= 0 || result.guarantee.level != SLICEPATCH_GUARANTEE_NONE,
    };
    if ((result.status = plan(result.selection, input, relations, actions)) != Status::ok)
        return;
    if (options.compiled && (result.status = actions.fill(actions.size(), Action::leave)) != Status::ok)
        return;

    // Write, sync.
    const auto walk = [&](Part part) { return EditWalk(forms, result.list, actions, input.kernel_may_grant, part); };
    if (result.other_threads)
        result.status = write_live(backend, walk(Part::tails), walk(Part::heads),
                                   options.live_opt_in || live_writes_proven(), edits, result.written);
    else
        result.status = write_sites(walk(Part::whole), options.writer, edits, result.written);

    // Report what is there now.
    const bool complete = result.status == Status::ok && result.written.status == Status::ok;
    if (Status status = record_states(forms, actions, complete, result.list); status != Status::ok)
        result.status = status;
}

} // namespace slicepatch
