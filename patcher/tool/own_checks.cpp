// SPDX-License-Identifier: MIT
#include "checks.h"
#include "error.h"
#include "file_descriptor.h"
#include "probe.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <sys/auxv.h>
#include <unistd.h>

namespace slicepatch::tool {

namespace {

std::string error_text(long answer)
{
    if (answer == -SLICEPATCH_ENOTSUPP)
        return "ENOTSUPP (524)";
    const char *name = strerrorname_np(static_cast<int>(-answer));
    return name ? name : fmt::format("error {}", -answer);
}

std::string mask_text(long mask)
{
    std::string text = fmt::format("{:#x}", mask);
    if (mask & SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE)
        text += " enable";
    if (mask & SLICEPATCH_PR_RSEQ_SLICE_EXT_INVARIANT)
        text += " invariant";
    return mask ? text : text + " disabled";
}

Check check_features(const KernelFacts &facts)
{
    if (facts.features >= 0)
        return {"kernel-series", "ok", fmt::format("FEATURES: {}", mask_text(facts.features))};
    return {"kernel-series", "bad",
            fmt::format("FEATURES: {}: this kernel does not have the slicepatch series", error_text(facts.features))};
}

Check check_state(const KernelFacts &facts)
{
    if (facts.state >= 0)
        return {"slice-extension", "ok", fmt::format("GET: {}", mask_text(facts.state))};
    return {"slice-extension", "bad", fmt::format("GET: {}", error_text(facts.state))};
}

Check check_registration(const KernelFacts &facts)
{
    if (facts.rseq_offset == SLICEPATCH_RSEQ_OFFSET_NONE)
        return {"libc-rseq", "bad", "libc has no rseq area (glibc 2.35 and later have)"};
    if (!facts.rseq_size)
        return {"libc-rseq", "bad", fmt::format("libc registered nothing (area at offset {})", facts.rseq_offset)};
    const bool legacy = facts.rseq_size <= sizeof(slicepatch_rseq);
    return {"libc-rseq", legacy ? "bad" : "ok",
            fmt::format("__rseq_size {} at thread pointer {:+}{}", facts.rseq_size, facts.rseq_offset,
                        legacy ? ": a legacy area of 32 bytes, which cannot have slice extensions (glibc 2.41 and "
                                 "later register more)"
                               : "")};
}

Check check_tcmalloc(const KernelFacts &facts)
{
    return {"tcmalloc", facts.tcmalloc ? "bad" : "ok",
            facts.tcmalloc ? "its per-CPU caches own the rseq area" : "not in this process"};
}

Check check_tunables()
{
    const char *tunables = std::getenv("GLIBC_TUNABLES");
    const bool off = tunables && std::strstr(tunables, "glibc.pthread.rseq=0");
    return {"glibc-tunables", off ? "bad" : "ok",
            tunables ? fmt::format("GLIBC_TUNABLES={}", tunables) : "GLIBC_TUNABLES is not set"};
}

Check check_yield(const Probe &probe)
{
    const int number = probe.yield_number;
    if (!probe.answered)
        return {"yield", "unknown", "not asked"};
    if (number == SLICEPATCH_NR_RSEQ_SLICE_YIELD)
        return {"yield", "ok", fmt::format("system call {} is allowed", number)};
    return {"yield", "note",
            fmt::format("system call {} is refused or missing; system call {} ends a slice instead",
                        SLICEPATCH_NR_RSEQ_SLICE_YIELD, number)};
}

/// Of this program, which starts none: more come from what is preloaded into it, and would into others.
Check check_threads(const std::string &status, slicepatch_guarantee level)
{
    const std::string threads = status_field(status, "Threads");
    const std::string missed = level == SLICEPATCH_GUARANTEE_THREAD || level == SLICEPATCH_GUARANTEE_SEALED
                                   ? "; " + std::string(missed_threads)
                                   : "";
    if (threads.empty())
        return {"threads", "unknown", "how many there are is unknown: /proc/self/status cannot be read" + missed};
    if (threads == "1")
        return {"threads", "ok", "one when main() begins" + missed};
    return {"threads", "note", threads + " when main() begins: something preloaded starts threads" + missed};
}

Check check_environment(const Probe &probe)
{
    std::vector<std::string> variables;
    for (char **variable = environ; *variable; ++variable)
        variables.emplace_back(*variable);
    const Check check = check_variables(variables);
    if (!probe.complaint.empty())
        return {"environment", "bad", probe.complaint};
    const bool lowers = probe.off || (probe.required && probe.guarantee.level != SLICEPATCH_GUARANTEE_PROCESS);
    return {"environment", lowers ? "bad" : check.verdict, check.detail};
}

std::string registration_step(const KernelFacts &facts)
{
    if (check_tunables().verdict == "bad")
        return "remove glibc.pthread.rseq=0 from GLIBC_TUNABLES";
    if (facts.rseq_size > sizeof(slicepatch_rseq))
        return "";
    const std::string later = "run it with glibc 2.41 or later, which registers a full rseq area";
    if (facts.rseq_size && probe_with("SLICEPATCH_RSEQ", "own") != SLICEPATCH_GUARANTEE_NONE)
        return "set SLICEPATCH_RSEQ=own, so that slicepatch registers areas of its own, or " + later;
    return later;
}

std::string kernel_step(const Probe &probe)
{
    const long answer = probe.facts.state;
    if (answer == -EINVAL)
        return "boot Linux 7.0 or later with CONFIG_RSEQ_SLICE_EXTENSION=y and, for the guarantee of the whole process, "
               "the slicepatch series (kernel/README.md)";
    if (answer == -EPERM || answer == -ENOSYS)
        return "let the sandbox allow prctl(PR_RSEQ_SLICE_EXTENSION)";
    if (check_kernel_command_line().verdict == "bad")
        return "remove rseq_slice_ext=0 from the kernel command line";
    if (check_kernel_config().verdict == "bad")
        return "boot a kernel with CONFIG_RSEQ_SLICE_EXTENSION=y";
    const std::string step = registration_step(probe.facts);
    return step.empty() ? "switch slice extensions on in the kernel (rseq_slice_ext)" : step;
}

std::string next_step(const Probe &probe)
{
    if (!probe.complaint.empty())
        return "correct the variable: " + probe.complaint;
    if (probe.off)
        return "unset SLICEPATCH";
    if (probe.required && probe.guarantee.level != SLICEPATCH_GUARANTEE_PROCESS)
        return "unset SLICEPATCH, or boot a kernel with the slicepatch series (kernel/README.md)";
    if (!probe.answered)
        return "let the sandbox allow prctl(PR_RSEQ_SLICE_EXTENSION)";
    if (probe.guarantee.level == SLICEPATCH_GUARANTEE_PROCESS)
        return "none: there is no higher guarantee";
    const std::string series = "boot a kernel with the slicepatch series (kernel/README.md)";
    if (probe.guarantee.level == SLICEPATCH_GUARANTEE_SEALED)
        return series + ", which needs no filter";
    if (probe.guarantee.level == SLICEPATCH_GUARANTEE_THREAD)
        return probe_with("SLICEPATCH_SEAL", "1") == SLICEPATCH_GUARANTEE_SEALED
                   ? series + ", or set SLICEPATCH_SEAL=1, which costs a filter for each system call"
                   : series;
    if (probe.facts.tcmalloc)
        return "switch tcmalloc's per-CPU caches off, so that libc registers its rseq area";
    if (probe.facts.state < 0)
        return kernel_step(probe);
    const std::string step = registration_step(probe.facts);
    return step.empty() ? "start the program anew, without what locked it in the disabled state" : step;
}

/// What explains a refusal is no reproach where there was none: a simulated kernel, or one with features of a later
/// one.
void soften(const Probe &probe, std::vector<Check> &checks)
{
    for (Check &check : checks)
        if (probe.guarantee.level != SLICEPATCH_GUARANTEE_NONE && check.verdict == "bad" &&
            check.name != "kernel-series" && check.name != "environment") {
            check.verdict = "note";
            check.detail += " (yet the kernel grants it)";
        }
}

} // namespace

Diagnosis diagnose_here()
{
    const Probe probe = run_probe();
    std::string status;
    if (!read_all("/proc/self/status", status))
        status.clear(); // then the checks that need it say so
    Diagnosis diagnosis{slicepatch_guarantee_name(probe.guarantee.level), probe.guarantee.reason, next_step(probe), {}};
    diagnosis.checks = {
        check_kernel_version(),
        check_features(probe.facts),
        check_state(probe.facts),
        check_kernel_command_line(),
        check_kernel_config(),
        check_slice_length(),
        check_registration(probe.facts),
        check_auxv(getauxval(SLICEPATCH_AT_RSEQ_FEATURE_SIZE), getauxval(SLICEPATCH_AT_RSEQ_ALIGN)),
        check_tunables(),
        check_tcmalloc(probe.facts),
        check_seccomp(status),
        check_yield(probe),
        check_procmem(),
        check_rwx(),
        check_live(),
        check_threads(status, probe.guarantee.level),
        check_environment(probe),
    };
    soften(probe, diagnosis.checks);
    return diagnosis;
}

} // namespace slicepatch::tool
