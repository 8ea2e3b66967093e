// SPDX-License-Identifier: MIT
#include "live_view.h"
#include "counted.h"
#include "error.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace slicepatch::tool {

namespace {

/// Names come from files, which the process does not change.
bool agree(const SiteView &a, const SiteView &b)
{
    return a.address == b.address && a.kind == b.kind && a.label == b.label && a.now.state == b.now.state &&
           a.now.bytes == b.now.bytes && a.trouble == b.trouble;
}

bool agree(const LiveView &a, const LiveView &b)
{
    return a.begin == b.begin && a.object.name == b.object.name && a.object.problems == b.object.problems &&
           std::equal(a.object.sites.begin(), a.object.sites.end(), b.object.sites.begin(), b.object.sites.end(),
                      [](const SiteView &one, const SiteView &other) { return agree(one, other); });
}

bool has_seen(const std::vector<LiveView> &views, std::uint64_t begin)
{
    return std::any_of(views.begin(), views.end(), [begin](const LiveView &view) { return view.begin == begin; });
}

/// With names where the look before saw sites: the file of an object without need not be opened.
std::vector<LiveView> look(const Process &process, const std::vector<LiveView> &before, bool diff)
{
    std::vector<LiveView> views;
    for (const auto &live : process.objects()) {
        const std::uint64_t begin = live->first_mapping().begin;
        std::string no_file;
        std::unique_ptr<ElfFile> file = has_seen(before, begin) ? process.open_file(*live, no_file) : nullptr;
        ObjectView object = view_object(*live, file.get(), diff && file);
        read_counts(process, object);
        if (!object.sites.empty() || !object.problems.empty())
            views.push_back({std::move(object), begin, std::move(file), std::move(no_file)});
    }
    return views;
}

bool agree(const std::vector<LiveView> &a, const std::vector<LiveView> &b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const LiveView &one, const LiveView &other) { return agree(one, other); });
}

bool has_problems(const std::vector<LiveView> &views)
{
    return std::any_of(views.begin(), views.end(), [](const LiveView &view) { return !view.object.problems.empty(); });
}

} // namespace

std::vector<LiveView> view_process(Process &process, bool diff)
{
    // A process that gets no CPU for a while looks the same in the middle of something, and it is problems that it shows
    // then.
    constexpr unsigned enough = 1, enough_with_problems = 4;
    using std::chrono::milliseconds;
    std::vector<LiveView> before = look(process, {}, false);
    bool settled_before = process.has_memory() && process.has_settled_objects();
    unsigned agreed = 0;
    for (milliseconds pause(1); pause < milliseconds(300); pause *= 2) {
        std::this_thread::sleep_for(pause); // or a process that waits for our CPU looks the same twice
        process.read_again();
        std::vector<LiveView> now = look(process, before, diff);
        // Two looks may agree about what never was: an object that is loaded again and again is found half of it, each
        // time at the same address.
        const bool settled = process.has_memory() && process.has_settled_objects();
        process.require_alive(); // or what was read is nothing
        agreed = settled_before && settled && agree(before, now) ? agreed + 1 : 0;
        if (agreed >= (has_problems(now) ? enough_with_problems : enough))
            return now;
        settled_before = settled;
        before = std::move(now);
    }
    throw Changed(
        "process {}: changed while it was read, each of several times: it loads, unloads or patches objects, or "
        "runs other programs, and can be read when it no longer does",
        process.pid());
}

} // namespace slicepatch::tool
