// SPDX-License-Identifier: MIT
//
// An area that no kernel knows, and sites in states of the caller's choice, for programs that play the kernel.
#ifndef SLICEPATCH_TESTS_PLAYED_KERNEL_H
#define SLICEPATCH_TESTS_PLAYED_KERNEL_H

#include "patcher/library/text/edits.h"

#include <slicepatch/slicepatch.h>

#include <cstddef>
#include <cstring>

namespace slicepatch::test {

// The area of the only thread that runs sections, in place of libc's.
inline thread_local volatile slicepatch_rseq area;

/// Has the sites of this program use that area. Returns where its request byte is, from the thread pointer.
inline std::int64_t use_played_area(bool enabled)
{
    const auto address = reinterpret_cast<std::uintptr_t>(&area);
    slicepatch_object.rseq_offset = static_cast<std::int64_t>(address - SLICEPATCH_ARCH_THREAD_POINTER());
    if (enabled)
        area.flags = SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE | SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED;
    return slicepatch_object.rseq_offset + std::int64_t{offsetof(slicepatch_rseq, slice_request)};
}

inline bool all_are(const SiteList &list, const char *label, const char *state)
{
    for (const Site &site : list.sites)
        if (!std::strcmp(site_label(*site.record), label) && std::strcmp(state_name(site.state), state))
            return false;
    return true;
}

/// Puts the sites of label "played.enter" and of label "played.exit" into states, whatever the planner would say.
inline bool put_into(const char *enter, const char *exit, std::int64_t slice_ctrl)
{
    SiteList list;
    FormTable forms;
    Array<Action> actions;
    if (find_sites(host_backend(), list) != Status::ok || make_forms(host_backend(), slice_ctrl, forms) != Status::ok)
        return false;
    read_states(forms, list);
    for (const Group &group : list.groups) {
        const char *state = !std::strcmp(group.label, "played.enter") ? enter : exit;
        const Action action = !std::strcmp(state, "enabled") ? Action::enable
                              : !std::strcmp(state, "off")   ? Action::off
                                                             : Action::leave;
        if (actions.push(action) != Status::ok)
            return false;
    }
    EditWalk walk(forms, list, actions, false);
    TextWriter writer(Writer::rwx, false, false, walk.span());
    if (write_edits(walk, writer) != Status::ok || writer.result().status != Status::ok)
        return false;
    read_states(forms, list);
    return list.groups.size() == 2 && all_are(list, "played.enter", enter) && all_are(list, "played.exit", exit);
}

} // namespace slicepatch::test

#endif
