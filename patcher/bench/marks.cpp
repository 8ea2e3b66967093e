// SPDX-License-Identifier: MIT
#include "marks.h"
#include "patcher/tool/error.h"
#include "variants.h"

#include "patcher/library/text/edits.h"
#include "patcher/library/text/forms.h"
#include "patcher/library/guarantee/kernel.h"

#include <cstring>

namespace slicepatch::tool::bench {

namespace {

volatile slicepatch_rseq *area_at(std::intptr_t offset)
{
    return reinterpret_cast<volatile slicepatch_rseq *>(SLICEPATCH_ARCH_THREAD_POINTER() +
                                                        static_cast<unsigned long>(offset));
}

bool is_enabled(const KernelFacts &facts)
{
    return facts.rseq_offset != SLICEPATCH_RSEQ_OFFSET_NONE && !facts.tcmalloc &&
           (area_at(facts.rseq_offset)->flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED);
}

/// The thread-local variable of an executable is as far from the thread pointer in every thread.
std::intptr_t stand_in_offset()
{
    return reinterpret_cast<std::intptr_t>(&bench_stand_in) -
           static_cast<std::intptr_t>(SLICEPATCH_ARCH_THREAD_POINTER());
}

/// Of this host, for this thread; nothing is set for the process.
Guarantee obtain_guarantee(const KernelFacts &facts, const Area &area)
{
    const GuaranteeRequest request;
    const unsigned long wanted = state_to_set(facts, area, request);
    return decide_guarantee(facts, area, request, wanted ? set_state(wanted) : 0);
}

State state_wanted(const Group &group)
{
    if (group.label && !std::strcmp(group.label, "bench.enabled"))
        return State::enabled;
    if (group.label && !std::strcmp(group.label, "bench.off"))
        return State::off;
    return State::compiled;
}

Action action_for(const Group &group)
{
    switch (state_wanted(group)) {
    case State::enabled:
        return Action::enable;
    case State::off:
        return Action::off;
    default:
        return Action::leave;
    }
}

void require(Status status, const char *what)
{
    if (status != Status::ok)
        throw Error("bench: {}: {}", what, status_text(status));
}

struct Work {
    FormTable forms;
    SiteList list;
    WriteResult written;
};

Status patch(void *data)
{
    Work &work = *static_cast<Work *>(data);
    if (Status status = find_sites(host_backend(), work.list); status != Status::ok)
        return status;
    read_states(work.forms, work.list);
    Array<Action> actions;
    for (const Group &group : work.list.groups)
        if (Status status = actions.push(action_for(group)); status != Status::ok)
            return status;
    const SignalsBlocked blocked;
    EditWalk walk(work.forms, work.list, actions, true);
    TextWriter writer(Writer::automatic, !single_threaded(), live_writes_proven(), walk.span());
    if (Status status = write_edits(walk, writer); status != Status::ok)
        return status;
    work.written = writer.finish();
    read_states(work.forms, work.list);
    return work.written.status;
}

/// A variant that is not what its name says would be a wrong figure.
std::size_t check_states(const SiteList &list)
{
    std::size_t patched = 0;
    for (const Site &site : list.sites) {
        const Group &group = list.groups[site.group];
        if (!group.label || std::strncmp(group.label, "bench.", 6))
            continue;
        if (site.state != state_wanted(group))
            throw Error("bench: a site of {} is {}, not {}", group.label, state_name(site.state),
                        state_name(state_wanted(group)));
        patched += site.state != State::compiled;
    }
    if (patched == 0)
        throw Error("bench: this program has no sites of its own to patch");
    return patched;
}

} // namespace

Marks set_marks()
{
    const KernelFacts facts = ask_kernel();
    const AreaChoice choice(facts, 0, {.registration = Registration::libc});
    Marks marks{obtain_guarantee(facts, choice.area()), false, 0, {}};
    marks.stand_in = !is_enabled(facts);
    bench_area_offset = marks.stand_in ? stand_in_offset() : facts.rseq_offset;
    slicepatch_object.rseq_offset = bench_area_offset;
    bench_flag_enabled = true;
    bench_enter_pointer = bench_enter_function;
    bench_exit_pointer = bench_exit_function;

    Work work;
    const std::int64_t slice_ctrl = bench_area_offset + std::int64_t{offsetof(slicepatch_rseq, slice_request)};
    require(make_forms(host_backend(), slice_ctrl, work.forms), "the sequences cannot be encoded");
    require(with_loader_lock(patch, &work), "the sites cannot be patched");
    marks.patched = check_states(work.list);
    marks.writer = writer_name(work.written.used);
    return marks;
}

} // namespace slicepatch::tool::bench

volatile slicepatch_rseq *bench_thread_area()
{
    (void)slicepatch::enable_thread(); // where that is refused, its flag stays clear, and the caller looks at that
    return slicepatch::tool::bench::area_at(bench_area_offset);
}
