// SPDX-License-Identifier: MIT
#include "command.h"
#include "error.h"
#include "marked_text.h"
#include "output.h"
#include "subject.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

namespace slicepatch::tool {

namespace {

struct Finding {
    const SiteView *site; // null: about the object
    std::string text;
};

/// Sites that share every decision of the patcher: one label, or one function for sites without a label.
struct Group {
    std::string name;
    std::vector<const SiteView *> sites;

    [[nodiscard]] const SiteView *first(State state) const
    {
        for (const SiteView *site : sites)
            if (site->now.state == state)
                return site;
        return nullptr;
    }
    [[nodiscard]] const SiteView *first(std::uint8_t kind, State state) const
    {
        for (const SiteView *site : sites)
            if (site->kind == kind && site->now.state == state)
                return site;
        return nullptr;
    }
    [[nodiscard]] bool has(std::uint8_t kind) const
    {
        return std::any_of(sites.begin(), sites.end(), [&](const SiteView *site) { return site->kind == kind; });
    }
};

std::string name_of_group(const SiteView &site)
{
    if (!site.label.empty())
        return fmt::format("label \"{}\"", printable(site.label));
    if (!site.function.empty())
        return fmt::format("function {}", printable(site.function));
    return site.function_start ? fmt::format("the function at {:#x}", site.function_start)
                               : fmt::format("the code at {:#x}", site.address);
}

/// The library's groups, those of one function put together: where no unwind entry tells the function, its name does.
std::vector<Group> make_groups(const ObjectView &object)
{
    std::vector<Group> list;
    std::map<std::uint32_t, std::size_t> by_number;
    std::map<std::string, std::size_t> by_name;
    for (const SiteView &site : object.sites) {
        auto [known, added] = by_number.try_emplace(site.group, list.size());
        if (added && site.label.empty() && !site.function_start && !site.function.empty())
            known->second = by_name.try_emplace(site.function, list.size()).first->second;
        if (known->second == list.size())
            list.push_back({name_of_group(site), {}});
        list[known->second].sites.push_back(&site);
    }
    return list;
}

class Verifier {
public:
    Verifier(const ObjectView &object, const ElfFile *file, bool live) : object_(object), file_(file), live_(live) {}

    std::vector<Finding> find()
    {
        for (const std::string &problem : object_.problems)
            add(nullptr, "{}", problem);
        check_section();
        for (const SiteView &site : object_.sites)
            check_site(site);
        check_request_byte();
        const std::vector<Group> groups = make_groups(object_);
        for (const Group &group : groups)
            check_group(group);
        check_one_sided(groups);
        check_marked_text();
        return std::move(findings_);
    }

private:
    template <class... Arguments>
    void add(const SiteView *site, fmt::format_string<Arguments...> format, Arguments &&...arguments)
    {
        findings_.push_back({site, fmt::format(format, std::forward<Arguments>(arguments)...)});
    }

    /// Whether the note leads to a table, be it an empty one, with which the file can be compared.
    [[nodiscard]] bool is_table_known() const
    {
        return file_ && (object_.problems.empty() || object_.trouble == Status::table_missing);
    }

    /// The section says the same as the note, or a tool has dropped one of them.
    void check_section()
    {
        if (!is_table_known())
            return;
        for (const ElfFile::Section &section : file_->sections())
            if (section.name == "slicepatch_sites" && section.size != object_.sites.size() * SLICEPATCH_RECORD_SIZE)
                add(nullptr,
                    "the section slicepatch_sites holds {} records, but the note leads to {}: a tool has "
                    "removed or changed the note, without which nothing is patched",
                    section.size / SLICEPATCH_RECORD_SIZE, object_.sites.size());
    }

    /// Records may be lost with their section: they were collected after a partial link, or the section has another name.
    void check_marked_text()
    {
        if (!is_table_known())
            return;
        for (const Mark &mark : find_marked_text(*file_)) {
            const auto record = std::lower_bound(
                object_.sites.begin(), object_.sites.end(), mark.address,
                [](const SiteView &site, std::uint64_t address) { return site.link_address < address; });
            if (record != object_.sites.end() && record->link_address == mark.address)
                continue;
            const std::string function = file_->function_at(mark.address);
            add(nullptr,
                "{} at {:#x}{}{}: no record names it, so that nobody will patch it: a linker or a tool has "
                "dropped, moved or renamed the section slicepatch_sites",
                kind_name(mark.kind), mark.address, function.empty() ? "" : ", in ", function);
        }
    }

    /// BOLT leaves the old code in place, so that the records lead to sites that look right and never run.
    [[nodiscard]] bool is_left_behind(const SiteView &site) const
    {
        const ElfFile::Section *section = file_ ? file_->section_at(site.link_address) : nullptr;
        return section && section->name.starts_with(".bolt.org");
    }

    void check_site(const SiteView &site)
    {
        if (site.trouble.empty() && is_left_behind(site))
            add(&site, "the table is stale: BOLT has moved the code, and the record still points to the old copy");
        if (site.trouble.empty())
            return;
        const bool bytes = site.now.state == State::foreign && site.trouble == foreign_trouble(site);
        if (!bytes)
            add(&site, "{}", site.trouble);
        else if (live_)
            add(&site, "{} (in memory)", site.trouble);
        else
            add(&site,
                "{}; in a file that means that the table may be stale: a post-link rewriter such as BOLT has "
                "moved the code",
                site.trouble);
    }

    static std::string foreign_trouble(const SiteView &site)
    {
        return fmt::format("{}: found {}", status_text(Status::bytes_foreign), bytes_text(site.now.bytes));
    }

    /// There is one request byte at one distance from the thread pointer, in every object of a process.
    void check_request_byte()
    {
        const SiteView *reference = nullptr;
        for (const SiteView &site : object_.sites) {
            if (site.kind == SLICEPATCH_SITE_BRANCH || site.now.state != State::enabled)
                continue;
            if (!reference)
                reference = &site;
            if (site.now.slice_ctrl != reference->now.slice_ctrl)
                add(&site, "writes its request {} bytes from the thread pointer, but the {} does {} bytes from it",
                    site.now.slice_ctrl, describe(*reference), reference->now.slice_ctrl);
        }
    }

    void check_group(const Group &group)
    {
        const SiteView *compiled = group.first(State::compiled);
        const SiteView *enabled = group.first(State::enabled);
        const SiteView *off = group.first(State::off);
        const SiteView *exit_off = group.first(SLICEPATCH_SITE_EXIT, State::off);
        for (State state : {State::compiled, State::enabled, State::foreign})
            if (const SiteView *enter = group.first(SLICEPATCH_SITE_ENTER, state); exit_off && enter) {
                add(exit_off, "{} is inconsistent: this EXIT is off, while the {} is {}: its request would stay set",
                    group.name, describe(*enter), state_name(state));
                return;
            }
        // Where ENTERs of another group may need its EXITs, those stay as compiled.
        const SiteView *enters_off = group.has(SLICEPATCH_SITE_ENTER) ? off : nullptr;
        if (enters_off && !enabled && compiled && !group.first(SLICEPATCH_SITE_ENTER, State::compiled) &&
            !group.first(SLICEPATCH_SITE_BRANCH, State::compiled))
            return;
        if (enabled && off)
            add(off, "{} is inconsistent: this site is off, while the {} is enabled", group.name, describe(*enabled));
        else if (compiled && (enabled || off))
            add(compiled, "{} is inconsistent: this site is as compiled, while the {} is {}", group.name,
                describe(enabled ? *enabled : *off), enabled ? "enabled" : "off");
    }

    /// ENTERs that have no EXIT in their group have it in another one.
    void check_one_sided(const std::vector<Group> &groups)
    {
        const SiteView *exit_off = nullptr;
        for (const Group &group : groups)
            exit_off = exit_off ? exit_off : group.first(SLICEPATCH_SITE_EXIT, State::off);
        for (const Group &group : groups)
            if (const SiteView *enter = group.first(SLICEPATCH_SITE_ENTER, State::enabled);
                enter && exit_off && !group.has(SLICEPATCH_SITE_EXIT))
                add(enter,
                    "{} has no EXIT of its own and is enabled, while the {} is off: if that one serves it, its "
                    "request would stay set",
                    group.name, describe(*exit_off));
    }

    const ObjectView &object_;
    const ElfFile *file_;
    bool live_;
    std::vector<Finding> findings_;
};

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

struct Verify {
    Subject subject;
    bool json = false;

    void check(const ObjectView &object, const ElfFile *file, Result &result) const;
    [[nodiscard]] Result look() const;
    [[nodiscard]] Result look_until_settled() const;
    void print_text(const Result &result) const;
    int run() const;
};

void Verify::check(const ObjectView &object, const ElfFile *file, Result &result) const
{
    result.counts.add(object);
    if (!object.has_backend && !object.sites.empty()) {
        complain(
            fmt::format("{}: {}: its sites cannot be verified", object.name, missing_backend_text(object.machine)));
        result.incomplete = true;
    }
    const std::vector<Finding> findings = Verifier(object, file, subject.pid != 0).find();
    for (const Finding &finding : findings) {
        result.findings.push_back(finding_json(object, finding));
        result.lines.push_back(finding.site ? fmt::format("{}: {}", describe(*finding.site), finding.text)
                                            : finding.text);
        result.lines.back() = printable(fmt::format("{}: {}", object.name, result.lines.back()));
    }
    if (object.sites.empty() && findings.empty())
        result.without_sites.push_back(object.name);
    for (std::size_t i = 0; json && i < object.sites.size(); ++i)
        result.sites.push_back(to_json(object.sites[i]));
}

Result Verify::look() const
{
    Result result;
    result.incomplete =
        subject.visit([&](const ObjectView &object, const ElfFile *file) { check(object, file, result); }).unreadable ||
        result.incomplete;
    return result;
}

/// A process that is being patched, or is loading an object, is for a moment what it should not be, and stays so for
/// longer if it loses its CPU just then: what is told of it has been there three times, half a second in all.
Result Verify::look_until_settled() const
{
    constexpr unsigned convincing = 3, most_looks = 7;
    Result result = look();
    for (unsigned looks = 1, same = 1; looks <= most_looks; ++looks) {
        if (!subject.pid || result.findings.empty() || same == convincing)
            return result;
        std::this_thread::sleep_for(std::chrono::milliseconds(looks % 2 ? 100 : 400));
        Result next = look();
        same = next.findings == result.findings ? same + 1 : 1;
        result = std::move(next);
    }
    throw Changed("process {}: changed while it was read: what was found of it was something else each time",
                  subject.pid);
}

void Verify::print_text(const Result &result) const
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

int Verify::run() const
{
    subject.require_one();
    const Result result = look_until_settled();
    if (json)
        print("{}\n",
              json_text(
                  {{"sites", result.sites}, {"findings", result.findings}, {"without_sites", result.without_sites}}));
    else
        print_text(result);
    return result.incomplete ? exit_usage : result.lines.empty() ? exit_ok : exit_finding;
}

} // namespace

Run add_verify(CLI::App &program)
{
    CLI::App *command = program.add_subcommand("verify", "Check the sites of files or of a running process");
    const auto verify = std::make_shared<Verify>();
    verify->subject.add_options(*command);
    command->add_flag("--json", verify->json,
                      "print JSON: {\"sites\": [...], \"findings\": [...], \"without_sites\": [names of files]}");
    command->footer("Example: slicepatch verify build/bin/wordcount && echo fit to be installed\n"
                    "Exit status: 0 every site is right, 1 at least one is not (stdout names it), 2 something could "
                    "not be read,\n3 the process changed while it was read, so that nothing can be said.");
    return [verify] { return verify->run(); };
}

} // namespace slicepatch::tool
