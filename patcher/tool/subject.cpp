// SPDX-License-Identifier: MIT
#include "subject.h"
#include "error.h"
#include "live_view.h"
#include "output.h"
#include "process_refusal.h"
#include "progress.h"

#include <elf.h>
#include <numeric>

namespace slicepatch::tool {

void require_one(const Subject &subject)
{
    if (subject.files.empty() && !subject.pid)
        throw Error("name a FILE, or a process with --pid");
}

namespace {

Visited visit_files(const std::vector<std::string> &files, const Visitor &visit)
{
    Visited visited;
    for (const std::string &path : files) {
        std::optional<ElfFile> file;
        ObjectView object;
        try {
            const Progress progress("reading " + path);
            file.emplace(path);
            object = view_object(*file, &*file, false);
        } catch (const Error &error) {
            complain(error.what());
            visited.unreadable = true;
            continue;
        }
        visited.objects += !object.sites.empty();
        visit(object, &*file);
    }
    return visited;
}

Visited visit_process(pid_t pid, bool diff, const Visitor &visit)
{
    Visited visited;
    Process process(pid);
    if (is_proc_foreign())
        complain(fmt::format("process {}: by the numbers of /proc, which shows another PID namespace than ours", pid));
    const Progress progress(fmt::format("reading process {}", process.pid()));
    for (const LiveView &view : view_process(process, diff)) {
        if (!view.file)
            complain(fmt::format("{}: no names from its file: {}", view.object.name, view.no_file));
        visited.objects += !view.object.sites.empty();
        visited.unreadable |= diff && !view.file;
        visit(view.object, view.file.get());
    }
    return visited;
}

} // namespace

Visited visit(const Subject &subject, const Visitor &visitor)
{
    return subject.pid ? visit_process(subject.pid, subject.diff, visitor) : visit_files(subject.files, visitor);
}

std::string machine_text(std::uint16_t machine)
{
    if (const Backend *backend = find_backend(machine))
        return backend->name;
    return fmt::format("machine {}", machine);
}

std::string missing_backend_text(std::uint16_t machine)
{
    return fmt::format("this build has no backend for ELF machine {} ({})", machine, machine_text(machine));
}

void StateCounts::add(const ObjectView &object)
{
    objects_ += !object.sites.empty();
    for (const SiteView &site : object.sites) {
        if (site.now.state)
            ++states_[static_cast<unsigned>(*site.now.state)];
        else
            ++unknown_;
    }
}

std::size_t StateCounts::sites() const
{
    return std::accumulate(states_.begin(), states_.end(), unknown_);
}

std::string StateCounts::text() const
{
    std::string text = fmt::format("{} {} in {} {}", sites(), sites() == 1 ? "site" : "sites", objects_,
                                   objects_ == 1 ? "object" : "objects");
    const char *separator = ": ";
    for (State state : {State::compiled, State::enabled, State::off, State::foreign}) {
        text += fmt::format("{}{} {}", separator, states_[static_cast<unsigned>(state)], state_name(state));
        separator = ", ";
    }
    if (unknown_)
        text += fmt::format(", {} unknown", unknown_);
    return text;
}

} // namespace slicepatch::tool
