// SPDX-License-Identifier: MIT
#include "write.h"

namespace slicepatch {

namespace {

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

} // namespace

Status write_plan(const FormTable &forms, const Array<Action> &actions, const WriteOrder &order, Array<Edit> &edits,
                  SiteList &list, WriteResult &written)
{
    const auto walk = [&](Part part) { return EditWalk(forms, list, actions, order.kernel_may_grant, part); };
    Status status = order.other_threads ? write_live(*forms.backend, walk(Part::tails), walk(Part::heads),
                                                     order.live_opt_in || live_writes_proven(), edits, written)
                                        : write_sites(walk(Part::whole), order.writer, edits, written);
    const bool complete = status == Status::ok && written.status == Status::ok;
    if (Status found = record_states(forms, actions, complete, list); found != Status::ok)
        status = found;
    return status;
}

} // namespace slicepatch
