// SPDX-License-Identifier: MIT
#include "checks.h"
#include "error.h"
#include "live_view.h"
#include "subject.h"
#include "progress.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <sstream>

namespace slicepatch::tool {

namespace {

struct Counted {
    std::size_t enabled = 0, off = 0, compiled = 0, foreign = 0;
};

Check check_objects(Process &process, Counted &counted)
{
    std::string detail;
    StateCounts total;
    const Progress progress(fmt::format("reading process {}", process.pid()));
    for (const LiveView &live : view_process(process, false)) {
        const ObjectView &view = live.object;
        if (view.sites.empty())
            continue;
        StateCounts one;
        one.add(view);
        total.add(view);
        detail += fmt::format("{}{}: {}", detail.empty() ? "" : "; ", view.name, one.text());
        for (const SiteView &site : view.sites) {
            counted.enabled += site.now.state == State::enabled;
            counted.off += site.now.state == State::off;
            counted.compiled += site.now.state == State::compiled;
            counted.foreign += site.now.state == State::foreign;
        }
    }
    if (!total.sites())
        return {"sites", "bad", "no loaded object has sites"};
    return {"sites", counted.foreign ? "bad" : counted.enabled ? "ok" : "note", detail};
}

/// The auxiliary vector of the process, as its kernel gave it.
Check check_process_auxv(const Process &process)
{
    std::string bytes;
    unsigned long feature_size = 0, alignment = 0;
    if (!process.read_file("auxv", bytes))
        return {"rseq-auxv", "unknown", "the auxiliary vector cannot be read"};
    Elf64_auxv_t entry;
    for (std::size_t offset = 0; offset + sizeof entry <= bytes.size(); offset += sizeof entry) {
        std::memcpy(&entry, bytes.data() + offset, sizeof entry);
        if (entry.a_type == SLICEPATCH_AT_RSEQ_FEATURE_SIZE)
            feature_size = entry.a_un.a_val;
        if (entry.a_type == SLICEPATCH_AT_RSEQ_ALIGN)
            alignment = entry.a_un.a_val;
    }
    return check_auxv(feature_size, alignment);
}

Check check_libc(const Process &process)
{
    for (const Mapping &mapping : process.mappings()) {
        const std::string file = mapping.path.substr(mapping.path.rfind('/') + 1);
        if (!mapping.executable)
            continue; // a file of that name that is only looked at
        if (file.starts_with("libc.so") || file.starts_with("libc-2") || file.starts_with("ld-musl"))
            return {"libc", file.starts_with("ld-musl") ? "bad" : "ok",
                    file.starts_with("ld-musl") ? mapping.path + ": musl registers no rseq area" : mapping.path};
    }
    return {"libc", "unknown", "none is mapped: a static program"};
}

/// The series adds a line about slice extensions; no other line has the word.
Check check_lock_line(const std::string &status)
{
    std::istringstream lines(status);
    for (std::string line; std::getline(lines, line);) {
        std::string lower = line;
        std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
        if (lower.substr(0, lower.find(':')).find("slice") == std::string::npos)
            continue;
        return {"lock", lower.ends_with("\tinvariant enabled") ? "ok" : "note", line};
    }
    return {"lock", "unknown", "/proc/PID/status has no line about slice extensions: a kernel without the series"};
}

Check check_process_environment(const Process &process)
{
    std::string bytes;
    if (!process.read_file("environ", bytes))
        return {"environment", "unknown", "the environment cannot be read"};
    std::istringstream entries(bytes);
    std::vector<std::string> variables;
    std::string tunables;
    for (std::string entry; std::getline(entries, entry, '\0');) {
        variables.push_back(entry);
        if (entry.starts_with("GLIBC_TUNABLES"))
            tunables = entry;
    }
    const Check check = check_variables(variables);
    if (tunables.empty())
        return check;
    return {check.name, "note", fmt::format("{}; {}", check.detail, tunables)};
}

/// After check_objects() has counted.
Check check_process_threads(const std::string &status, const Check &lock, const Counted &counted)
{
    const std::string threads = status_field(status, "Threads");
    if (threads.empty())
        return {"threads", "unknown", "how many there are is unknown: its status cannot be read"};
    const bool by_thread = counted.enabled && lock.verdict != "ok";
    return {"threads", "ok", by_thread ? threads + "; " + missed_threads : threads};
}

/// What the patcher left behind tells what it was promised.
void conclude(const Counted &counted, const Check &lock, Diagnosis &diagnosis)
{
    if (counted.enabled && lock.verdict == "ok") {
        diagnosis.guarantee = "process";
        diagnosis.reason = "its sites are enabled, and the kernel says that the state is locked";
        diagnosis.next = "none: there is no higher guarantee";
    } else if (counted.enabled) {
        diagnosis.guarantee = "thread";
        diagnosis.reason =
            "its sites are enabled; that the state is locked for the process cannot be seen from outside";
        diagnosis.next =
            "read the guarantee in its own report (SLICEPATCH_VERBOSE=1); without the slicepatch series, boot "
            "a kernel that has it";
    } else if (counted.off) {
        diagnosis.guarantee = "none";
        diagnosis.reason =
            "its sites are switched off: slicepatch_init() got no guarantee, or was told to ask for none";
        diagnosis.next = "run `slicepatch why` in the process's own environment";
    } else if (counted.compiled || counted.foreign) {
        diagnosis.guarantee = "unknown";
        diagnosis.reason = "its sites are as compiled: slicepatch_init() has not run yet, or could not write to them";
        diagnosis.next = "call slicepatch_init() early in main(), and see its report (SLICEPATCH_VERBOSE=1)";
    } else {
        diagnosis.guarantee = "none";
        diagnosis.reason = "it has no sites";
        diagnosis.next = "annotate its critical sections with SLICEPATCH_ENTER() and SLICEPATCH_EXIT()";
    }
}

} // namespace

Diagnosis diagnose_process(pid_t pid)
{
    Process process(pid);
    std::string status;
    if (!process.read_file("status", status))
        process.require_alive();
    Diagnosis diagnosis;
    Counted counted;
    const Check lock = check_lock_line(status);
    diagnosis.checks = {
        check_kernel_version(),
        check_kernel_command_line(),
        check_objects(process, counted),
        lock,
        check_libc(process),
        check_process_auxv(process),
        check_seccomp(status),
        check_process_threads(status, lock, counted),
        check_process_environment(process),
    };
    conclude(counted, lock, diagnosis);
    return diagnosis;
}

} // namespace slicepatch::tool
