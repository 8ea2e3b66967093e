// SPDX-License-Identifier: MIT
#include "findings.h"
#include "error.h"
#include "marked_text.h"
#include "subject.h"

#include <algorithm>
#include <map>

namespace slicepatch::tool {

namespace {

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

    /// Records may be lost with their section: they were collected after a partial link, or the section has another
    /// name.
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

} // namespace

std::vector<Finding> find_faults(const ObjectView &object, const ElfFile *file, bool live)
{
    return Verifier(object, file, live).find();
}

} // namespace slicepatch::tool
