// SPDX-License-Identifier: MIT
#include "subject.h"
#include "error.h"
#include "live_view.h"
#include "numbers.h"
#include "output.h"
#include "process_refusal.h"
#include "progress.h"

#include <elf.h>
#include <limits>
#include <numeric>

namespace slicepatch::tool {

CLI::Option *add_pid_option(CLI::App &command, pid_t &pid, const std::string &description)
{
    return command.add_option("--pid", pid, description)->check(numbers(1, std::numeric_limits<pid_t>::max()));
}

void Subject::add_options(CLI::App &command)
{
    auto *files_option = command.add_option("FILE", files, "ELF executables and shared objects");
    add_pid_option(command, pid, "a running process instead of files")->excludes(files_option);
}

void Subject::require_one() const
{
    if (files.empty() && !pid)
        throw Error("name a FILE, or a process with --pid");
}

namespace {

Subject::Visited visit_files(const std::vector<std::string> &files,
                             const std::function<void(const ObjectView &, const ElfFile *)> &visit)
{
    Subject::Visited visited;
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

Subject::Visited visit_process(pid_t pid, bool diff,
                               const std::function<void(const ObjectView &, const ElfFile *)> &visit)
{
    Subject::Visited visited;
    Process process(pid);
    if (is_proc_foreign())
        complain(fmt::format("process {}: by the numbers of /proc, which shows another PID namespace than ours", pid));
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

Subject::Visited Subject::visit(const std::function<void(const ObjectView &, const ElfFile *)> &visit) const
{
    return pid ? visit_process(pid, diff, visit) : visit_files(files, visit);
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
