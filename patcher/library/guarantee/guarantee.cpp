// SPDX-License-Identifier: MIT
#include "guarantee.h"

#include <cerrno>
#include <cstdio>

namespace slicepatch {

namespace {

constexpr unsigned long enable = SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE;
constexpr unsigned long invariant = SLICEPATCH_PR_RSEQ_SLICE_EXT_INVARIANT;

bool has(long mask, unsigned long bits)
{
    return mask >= 0 && (static_cast<unsigned long>(mask) & bits) == bits;
}

bool has_series(const KernelFacts &facts)
{
    return has(facts.features, enable | invariant);
}

constexpr const char *tcmalloc_reason =
    "tcmalloc's per-CPU caches own the rseq area (GLIBC_TUNABLES or tcmalloc settings free it)";
constexpr const char *locked_disabled_reason = "the process is locked in the disabled state";

/// Words for an answer of the kernel that gives no guarantee; null where there are none. The answer decides; what libc
/// says only explains it.
const char *refusal(long answer, unsigned libc_size, const char *own_refusal)
{
    const bool legacy = libc_size && libc_size <= sizeof(slicepatch_rseq);
    switch (-answer) {
    case EINVAL:
        return "the kernel has no time slice extension (Linux 7.0 and later have it)";
    case SLICEPATCH_ENOTSUPP:
        if (own_refusal)
            return own_refusal;
        return legacy
                   ? "libc registered the legacy 32-byte rseq area, which cannot have it (glibc 2.41 and later can, or "
                     "SLICEPATCH_RSEQ=own), or the kernel has it switched off"
                   : "the kernel has it switched off (RSEQ_SLICE_EXTENSION not built, or rseq_slice_ext=0)";
    case ENXIO:
        return "no rseq area is registered for this thread";
    case EPERM:
        return "locked in the disabled state, or a sandbox denies the prctl";
    case ENOSYS:
        return "a sandbox denies the prctl";
    default:
        return nullptr;
    }
}

Guarantee make(slicepatch_guarantee level, const char *reason)
{
    Guarantee guarantee{level, {}};
    std::snprintf(guarantee.reason, sizeof guarantee.reason, "%s", reason);
    return guarantee;
}

Guarantee refused(long answer, const Area &area)
{
    if (const char *reason = refusal(answer, area.size, area.own_refusal))
        return no_guarantee(reason);
    Guarantee guarantee = no_guarantee("");
    std::snprintf(guarantee.reason, sizeof guarantee.reason, "the kernel answers with error %ld", -answer);
    return guarantee;
}

/// Null, or why there is nothing to ask the kernel for, in words that need no number.
const char *obstacle(const KernelFacts &facts, const Area &area, const GuaranteeRequest &request)
{
    if (request.off)
        return "switched off by SLICEPATCH=off or an option";
    if (facts.tcmalloc)
        return tcmalloc_reason;
    // The kernel may answer for an area that another library has registered, at a place that only that one knows.
    if (!area.exists())
        return area.own_refusal
                   ? area.own_refusal
                   : "the C library registered no rseq area (glibc does, unless glibc.pthread.rseq=0), and "
                     "SLICEPATCH_RSEQ=libc forbids ours";
    if (has_series(facts) && has(area.state, invariant) && !has(area.state, enable))
        return locked_disabled_reason;
    return nullptr;
}

/// Whether the kernel has refused already, when it was asked for the state that it is in.
bool has_refused(const KernelFacts &facts, const Area &area, const GuaranteeRequest &request)
{
    return !request.off && !facts.tcmalloc && area.state < 0 && !has_series(facts);
}

Guarantee decide_process(const Area &area, long answer)
{
    if (answer == 0)
        return make(SLICEPATCH_GUARANTEE_PROCESS,
                    "the kernel keeps it enabled for every thread until the process ends");
    return answer == -EPERM ? no_guarantee(locked_disabled_reason) : refused(answer, area);
}

Guarantee decide_thread(const KernelFacts &facts, const Area &area, long answer)
{
    if (answer != 0)
        return refused(answer, area);
    if (has_series(facts))
        return make(SLICEPATCH_GUARANTEE_THREAD,
                    "enabled thread by thread: only the executable makes it permanent, and has not");
    return make(SLICEPATCH_GUARANTEE_THREAD,
                area.owned
                    ? "enabled for each thread as slicepatch registers it, and any code may revert it: "
                      "SLICEPATCH_SEAL=1 or a kernel with the slicepatch series would keep it"
                    : "enabled thread by thread, and any code may revert it: a kernel with the slicepatch series "
                      "would guarantee it for the process");
}

} // namespace

const char *process_obstacle(const KernelFacts &facts, const GuaranteeRequest &request)
{
    if (facts.tcmalloc)
        return tcmalloc_reason;
    if (!has_series(facts)) {
        const char *reason = facts.state < 0 ? refusal(facts.state, facts.rseq_size, nullptr) : nullptr;
        return reason ? reason : "the kernel lacks the slicepatch series, which alone keeps the state for the process";
    }
    if (has(facts.state, invariant))
        return has(facts.state, enable) ? nullptr : locked_disabled_reason;
    return request.lock ? nullptr
                        : "only the executable makes the state permanent, and has not (SLICEPATCH_LOCK=1 lets others)";
}

Guarantee no_guarantee(const char *reason)
{
    return make(SLICEPATCH_GUARANTEE_NONE, reason);
}

unsigned long state_to_set(const KernelFacts &facts, const Area &area, const GuaranteeRequest &request)
{
    if (has_refused(facts, area, request) || obstacle(facts, area, request))
        return 0;
    // Where it is locked already, asking again is harmless, and only that answer is about this thread's own area too.
    const bool whole_process = has_series(facts) && (request.lock || has(area.state, enable | invariant));
    return whole_process ? enable | invariant : enable;
}

Guarantee decide_guarantee(const KernelFacts &facts, const Area &area, const GuaranteeRequest &request, long answer)
{
    if (has_refused(facts, area, request))
        return refused(area.state, area);
    if (const char *reason = obstacle(facts, area, request))
        return no_guarantee(reason);
    const bool whole_process = state_to_set(facts, area, request) & invariant;
    return whole_process ? decide_process(area, answer) : decide_thread(facts, area, answer);
}

Guarantee sealed_guarantee()
{
    return make(SLICEPATCH_GUARANTEE_SEALED,
                "enabled for each thread as it starts, and a seccomp filter refuses to revert it");
}

} // namespace slicepatch
