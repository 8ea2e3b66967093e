// SPDX-License-Identifier: MIT
#include "commands.h"
#include "error.h"
#include "findings.h"
#include "output.h"
#include "subject.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

namespace slicepatch::tool {

namespace {

nlohmann::ordered_json finding_json(const ObjectView &object, const Finding &finding)
{
    nlohmann::ordered_json json{{"object", object.name}, {"finding", finding.text}};
    if (finding.site) {
        json["address"] = fmt::format("{:#x}", finding.site->address);
        json["kind"] = kind_text(finding.site->kind);
        json["label"] = finding.site->label;
        json["file"] = finding.site->file;
        json["line"] = finding.site->line;
    }
    return json;
}

/// What one look at everything found.
struct Result {
    StateCounts counts;
    nlohmann::ordered_json sites = nlohmann::ordered_json::array(), findings = nlohmann::ordered_json::array();
    std::vector<std::string> lines;         // the findings as text
    std::vector<std::string> without_sites; // names of objects
    bool incomplete = false;
};

void check(const VerifyOptions &options, const ObjectView &object, const ElfFile *file, Result &result)
{
    result.counts.add(object);
    if (!object.has_backend && !object.sites.empty()) {
        complain(
            fmt::format("{}: {}: its sites cannot be verified", object.name, missing_backend_text(object.machine)));
        result.incomplete = true;
    }
    const std::vector<Finding> findings = find_faults(object, file, options.subject.pid != 0);
    for (const Finding &finding : findings) {
        result.findings.push_back(finding_json(object, finding));
        result.lines.push_back(finding.site ? fmt::format("{}: {}", describe(*finding.site), finding.text)
                                            : finding.text);
        result.lines.back() = printable(fmt::format("{}: {}", object.name, result.lines.back()));
    }
    if (object.sites.empty() && findings.empty())
        result.without_sites.push_back(object.name);
    for (std::size_t i = 0; options.json && i < object.sites.size(); ++i)
        result.sites.push_back(to_json(object.sites[i]));
}

Result look(const VerifyOptions &options)
{
    Result result;
    result.incomplete = visit(options.subject, [&](const ObjectView &object,
                                                   const ElfFile *file) { check(options, object, file, result); })
                            .unreadable ||
                        result.incomplete;
    return result;
}

/// A process that is being patched, or is loading an object, is for a moment what it should not be, and stays so for
/// longer if it loses its CPU just then: what is told of it has been there three times, half a second in all.
Result look_until_settled(const VerifyOptions &options)
{
    constexpr unsigned convincing = 3, most_looks = 7;
    Result result = look(options);
    for (unsigned looks = 1, same = 1; looks <= most_looks; ++looks) {
        if (!options.subject.pid || result.findings.empty() || same == convincing)
            return result;
        std::this_thread::sleep_for(std::chrono::milliseconds(looks % 2 ? 100 : 400));
        Result next = look(options);
        same = next.findings == result.findings ? same + 1 : 1;
        result = std::move(next);
    }
    throw Changed("process {}: changed while it was read: what was found of it was something else each time",
                  options.subject.pid);
}

void print_text(const Result &result)
{
    for (const std::string &line : result.lines)
        print("{}\n", line);
    for (const std::string &name : result.without_sites)
        print("{}: no sites, and no marked code\n", printable(name));
    const std::size_t count = result.lines.size();
    const std::string verdict = count               ? fmt::format("{} {}", count, count == 1 ? "finding" : "findings")
                                : result.incomplete ? "no finding, but not everything could be read"
                                : !result.counts.sites() ? "there was nothing to verify"
                                                         : "all is well";
    print("{}; {}\n", result.counts.text(), verdict);
}

} // namespace

int verify(const VerifyOptions &options)
{
    require_one(options.subject);
    const Result result = look_until_settled(options);
    if (options.json)
        print("{}\n",
              json_text(
                  {{"sites", result.sites}, {"findings", result.findings}, {"without_sites", result.without_sites}}));
    else
        print_text(result);
    return result.incomplete ? exit_usage : result.lines.empty() ? exit_ok : exit_finding;
}

} // namespace slicepatch::tool
