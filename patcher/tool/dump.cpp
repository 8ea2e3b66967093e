// SPDX-License-Identifier: MIT
#include "commands.h"
#include "error.h"
#include "output.h"
#include "subject.h"

#include <algorithm>
#include <fnmatch.h>
#include <nlohmann/json.hpp>

namespace slicepatch::tool {

namespace {

/// By label; a site without one goes by the function that it is in, as in SLICEPATCH_SITES.
bool matches(const std::string &pattern, const SiteView &site)
{
    const std::string &name = site.label.empty() ? site.function : site.label;
    return pattern.empty() || fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

using Row = std::array<std::string, 7>; // address, kind, state, label, function, source, instructions

Row make_row(const SiteView &site)
{
    constexpr std::size_t name_width = 36, path_width = 36;
    const std::string source = site.file.empty() ? "-" : fmt::format("{}:{}", printable(site.file), site.line);
    return {fmt::format("{:#x}", site.address),
            kind_text(site.kind),
            state_text(site.now.state),
            site.label.empty() ? "-" : first_of(printable(site.label), name_width),
            site.function.empty() ? "-" : first_of(printable(site.function), name_width),
            last_of(source, path_width),
            site.now.disassembly};
}

void print_reading(const char *what, const Reading &reading)
{
    print("      {:<5}{:<9}{:<42}  {}\n", what, state_text(reading.state), bytes_text(reading.bytes),
          reading.disassembly);
}

void print_table(const ObjectView &object)
{
    print("{}: {}, {} {}\n", printable(object.name), machine_text(object.machine), object.sites.size(),
          object.sites.size() == 1 ? "site" : "sites");
    if (object.sites.empty())
        return;
    std::vector<Row> rows{{"ADDRESS", "KIND", "STATE", "LABEL", "FUNCTION", "SOURCE", "INSTRUCTIONS"}};
    std::transform(object.sites.begin(), object.sites.end(), std::back_inserter(rows), make_row);
    std::array<std::size_t, std::tuple_size_v<Row>> widths{};
    for (const Row &row : rows)
        for (std::size_t i = 0; i + 1 < row.size(); ++i) // the last column needs no padding
            widths[i] = std::max(widths[i], row[i].size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::string line;
        for (std::size_t column = 0; column < rows[i].size(); ++column)
            line += fmt::format("  {:<{}}", rows[i][column], widths[column]);
        line.erase(line.find_last_not_of(' ') + 1);
        print("{}\n", line);
        if (i == 0)
            continue;
        const SiteView &site = object.sites[i - 1];
        if (site.counted)
            print("      counted: {} yielded, {} lost, {} reached\n", site.counted->yielded, site.counted->lost,
                  site.counted->reached);
        if (site.on_disk) {
            print_reading("file", *site.on_disk);
            print_reading("live", site.now);
        }
        if (!site.trouble.empty())
            print("      ! {}\n", printable(site.trouble));
    }
}

} // namespace

int dump(const DumpOptions &options)
{
    const Subject &subject = options.subject;
    const std::string &label = options.label;
    require_one(subject);
    if (subject.diff && !subject.pid)
        throw Error("--diff compares a process with its files: it needs --pid");
    StateCounts counts;
    bool incomplete = false;
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    const Visited visited = visit(subject, [&](ObjectView object, const ElfFile *) {
        for (const std::string &problem : object.problems)
            complain(fmt::format("{}: {}", object.name, problem));
        if (!object.has_backend && !object.sites.empty())
            complain(fmt::format("{}: {}: its sites are listed without their state", object.name,
                                 missing_backend_text(object.machine)));
        incomplete |= !object.problems.empty() || (!object.has_backend && !object.sites.empty());
        std::erase_if(object.sites, [&](const SiteView &site) { return !matches(label, site); });
        counts.add(object);
        if (options.json)
            for (const SiteView &site : object.sites)
                rows.push_back(to_json(site));
        else if (!object.sites.empty() || label.empty())
            print_table(object);
    });
    if (options.json)
        print("{}\n", json_text({{"sites", rows}}));
    else if (counts.sites() || !visited.unreadable)
        print("{}\n", counts.text());
    return visited.unreadable || incomplete ? exit_usage : exit_ok;
}

} // namespace slicepatch::tool
