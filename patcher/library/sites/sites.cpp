// SPDX-License-Identifier: MIT
#include "sites.h"

#include "image.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

namespace slicepatch {

namespace {

const char *string_named_by(const std::int32_t &field)
{
    return field ? reinterpret_cast<const char *>(named_by(field)) : nullptr;
}

std::uintptr_t distance(std::uintptr_t a, std::uintptr_t b)
{
    return a < b ? b - a : a - b;
}

/// Everything about a record that can be checked without its neighbours. Strings come in runs: one that was checked for
/// the record before is not read again.
Status check_record(const Backend &backend, const Image &image, const Functions &functions,
                    const slicepatch_site_record &record, const slicepatch_site_record *before)
{
    if (record.version != SLICEPATCH_RECORD_VERSION || record.machine != backend.machine ||
        record.kind < SLICEPATCH_SITE_ENTER || record.kind > SLICEPATCH_SITE_BRANCH)
        return Status::record_unknown;
    // First: whatever else is wrong with it, a record is told of by its strings.
    for (auto field : {&slicepatch_site_record::label, &slicepatch_site_record::file}) {
        const char *string = string_named_by(record.*field);
        if (string && !(before && string == string_named_by(before->*field)) && !image.contains_string(string))
            return Status::string_outside_object;
    }
    const auto kind = static_cast<Kind>(record.kind);
    const Place place = site_place(record);
    if (!image.contains(place.head, backend.site_size(kind), PF_R | PF_X))
        return Status::site_outside_text;
    if (place.head % backend.site_alignment)
        return Status::site_misaligned;
    if (!image.contains(place.cold, 1, PF_X) || (kind == Kind::branch && !image.contains(place.taken, 1, PF_X)))
        return Status::target_outside_text;
    // Known now, so that no site fails when others are written already.
    if (distance(place.head, place.cold) > backend.reach ||
        (kind == Kind::branch && distance(place.head, place.taken) > backend.reach))
        return Status::target_out_of_range;
    return functions.leave_behind(place.head) ? Status::code_moved : Status::ok;
}

/// Whether two records describe one site: a linker that folds functions may keep the records of all of them.
bool are_same(const Site &a, const Site &b)
{
    return a.kind == b.kind && site_place(*a.record).head == site_place(*b.record).head;
}

/// Whether the bytes are those of the record. mold keeps the cold blocks of what it has folded, where nobody jumps to.
bool tells_the_truth(const Backend &backend, const Site &site)
{
    const Place place = site_place(*site.record);
    Decoded decoded{State::foreign, 0};
    return site.trouble == Status::ok &&
           backend.decode(site.kind, place,
                          {reinterpret_cast<const std::uint8_t *>(place.head), backend.site_size(site.kind)},
                          decoded) == Status::ok &&
           decoded.state != State::foreign;
}

/// Of records that name one site, puts one that tells the truth first; the others repeat it. Returns behind them.
Site *unite_records(const Backend &backend, Site *begin, Site *end)
{
    Site *last = begin + 1;
    while (last != end && last->trouble != Status::record_unknown && are_same(*begin, *last))
        last->repeated = true, ++last;
    if (last == begin + 1 || begin->trouble == Status::record_unknown)
        return begin + 1;
    Site *truth = std::find_if(begin, last, [&](const Site &site) { return tells_the_truth(backend, site); });
    if (truth != last && truth != begin) {
        std::swap(*begin, *truth);
        std::swap(begin->repeated, truth->repeated);
    }
    return last;
}

/// Assigns groups within one object: an open hash table over the labels, and functions in their order.
class Grouping {
public:
    Grouping(SiteList &list, std::uint32_t object, Functions &functions)
        : list_(list), object_(object), functions_(functions), first_(static_cast<std::uint32_t>(list.groups.size()))
    {
    }

    Status add(Site &site)
    {
        const bool known = site.trouble != Status::string_outside_object && site.trouble != Status::record_unknown;
        const char *label = known ? site_label(*site.record) : nullptr;
        const std::uint32_t before = last_;
        if (Status status = label ? find_label(label) : find_function(site); status != Status::ok)
            return status;
        Group &group = list_.groups[last_ - 1];
        site.group = last_ - 1;
        if (group.trouble == Status::ok)
            group.trouble = site.trouble == Status::ok ? Status::ok : Status::group_inconsistent;
        group.has_enter |= site.kind == Kind::enter;
        group.has_exit |= site.kind == Kind::exit;
        if (site.repeated)
            unite(before - 1, last_ - 1);
        return Status::ok;
    }

    /// Unwind tables know the unlikely part of a function as a function of its own. That the cold blocks of its sites
    /// are there shows whose part it is. Rare: most parts hold cold blocks and no site.
    Status unite_parts(const Site *begin, const Site *end)
    {
        if (parts_begin_ >= parts_end_)
            return Status::ok;
        const std::uintptr_t last = functions_.find(parts_end_ - 1) ? functions_.last_end() : parts_end_;
        const std::uintptr_t begins = functions_.find(parts_begin_), first = begins ? begins : parts_begin_;
        Array<Part> parts;
        for (const Site *site = begin; site != end; ++site) {
            const Group &group = list_.groups[site->group];
            const std::uintptr_t head = site_place(*site->record).head;
            const bool is_part = !group.label && head >= first && head < last;
            if (is_part && (parts.empty() || parts[parts.size() - 1].group != site->group))
                if (Status status = parts.push({group.function, site->group}); status != Status::ok)
                    return status;
        }
        if (parts.empty())
            return Status::ok;
        for (const Site *site = begin; site != end; ++site)
            if (site->trouble == Status::ok && !list_.groups[site->group].label)
                if (const Part *part = find_part(parts, functions_.find(site_place(*site->record).cold)))
                    unite(part->group, site->group);
        return Status::ok;
    }

    /// Makes every group know the first one that it is united with. That comes before it.
    void settle()
    {
        for (std::size_t i = first_; i < list_.groups.size(); ++i)
            list_.groups[i].whole = list_.groups[list_.groups[i].whole].whole;
    }

private:
    /// A group that may be a part of another one.
    struct Part {
        std::uintptr_t function;
        std::uint32_t group;
    };

    static const Part *find_part(const Array<Part> &parts, std::uintptr_t function)
    {
        const Part *part = std::lower_bound(parts.begin(), parts.end(), function,
                                            [](const Part &a, std::uintptr_t b) { return a.function < b; });
        return function && part != parts.end() && part->function == function ? part : nullptr;
    }

    std::uint32_t whole_of(std::uint32_t group)
    {
        while (list_.groups[group].whole != group)
            group = list_.groups[group].whole = list_.groups[list_.groups[group].whole].whole;
        return group;
    }

    void unite(std::uint32_t one, std::uint32_t other)
    {
        const std::uint32_t a = whole_of(one), b = whole_of(other);
        list_.groups[std::max(a, b)].whole = std::min(a, b);
    }

    Status add_group(const char *label, std::uintptr_t function)
    {
        const auto itself = static_cast<std::uint32_t>(list_.groups.size());
        const Group group{label, function, object_, false, false, Status::ok, itself};
        if (Status status = list_.groups.push(group); status != Status::ok)
            return status;
        last_ = static_cast<std::uint32_t>(list_.groups.size());
        return Status::ok;
    }

    /// Sites come in the order of their addresses, and so do their functions: the last one or a new one. Nothing is said
    /// about sites that no function is known to hold: the group before or behind may be of other code.
    Status find_function(const Site &site)
    {
        const Place place = site_place(*site.record);
        const std::uintptr_t function = functions_.find(place.head);
        if (!function)
            return add_group(nullptr, place.head);
        if (!functions_.last_holds(place.cold) && site.trouble == Status::ok) {
            parts_begin_ = std::min<std::uintptr_t>(parts_begin_, place.cold);
            parts_end_ = std::max<std::uintptr_t>(parts_end_, place.cold + 1);
        }
        if (last_function_ && list_.groups[last_function_ - 1].function == function) {
            last_ = last_function_;
            return Status::ok;
        }
        const Status status = add_group(nullptr, function);
        last_function_ = last_;
        return status;
    }

    static std::size_t hash(const char *label)
    {
        std::size_t value = 0xcbf29ce484222325; // FNV-1a
        for (; *label; ++label)
            value = (value ^ static_cast<std::uint8_t>(*label)) * 0x100000001b3;
        return value ^ value >> 32;
    }

    [[nodiscard]] bool is(std::uint32_t slot, const char *label) const
    {
        const char *other = list_.groups[slot - 1].label;
        return other == label || (other && !std::strcmp(other, label));
    }

    Status find_label(const char *label)
    {
        if (last_ && list_.groups[last_ - 1].label == label) // sites of a group come in runs
            return Status::ok;
        if (2 * (used_ + 1) > slots_.size())
            if (Status status = grow(); status != Status::ok)
                return status;
        std::size_t at = hash(label) & (slots_.size() - 1);
        while (slots_[at] && !is(slots_[at], label))
            at = (at + 1) & (slots_.size() - 1);
        if (slots_[at]) {
            last_ = slots_[at];
            return Status::ok;
        }
        if (Status status = add_group(label, 0); status != Status::ok)
            return status;
        slots_[at] = last_;
        ++used_;
        return Status::ok;
    }

    Status grow()
    {
        Array<std::uint32_t> old(std::move(slots_));
        if (Status status = slots_.fill(old.size() ? old.size() * 2 : 64, 0); status != Status::ok)
            return status;
        for (std::uint32_t slot : old) {
            if (!slot)
                continue;
            std::size_t at = hash(list_.groups[slot - 1].label) & (slots_.size() - 1);
            while (slots_[at])
                at = (at + 1) & (slots_.size() - 1);
            slots_[at] = slot;
        }
        return Status::ok;
    }

    SiteList &list_;
    std::uint32_t object_;
    Functions &functions_;
    std::uint32_t first_;        // group of this object
    Array<std::uint32_t> slots_; // index of a group + 1; 0 is free
    std::size_t used_ = 0;
    std::uint32_t last_ = 0; // the group of the site before, as in slots_
    std::uint32_t last_function_ = 0;
    std::uintptr_t parts_begin_ = UINTPTR_MAX, parts_end_ = 0; // where cold blocks are outside their functions
};

/// Sites in the order of their addresses, so that overlaps are neighbours and writes go page by page.
void sort_sites(const Backend &backend, Site *begin, Site *end)
{
    std::sort(begin, end, [](const Site &a, const Site &b) {
        const std::uintptr_t one = site_place(*a.record).head, other = site_place(*b.record).head;
        return one != other ? one < other : a.record < b.record;
    });
    for (Site *site = begin; site != end;)
        site = unite_records(backend, site, end);
    for (Site *site = begin; begin != end && site + 1 != end; ++site) {
        if (site[0].trouble == Status::record_unknown || site[1].trouble == Status::record_unknown)
            continue;
        if (site[1].repeated)
            continue;
        if (site_place(*site[0].record).head + backend.site_size(site[0].kind) <= site_place(*site[1].record).head)
            continue;
        for (Site *one : {site, site + 1})
            if (one->trouble == Status::ok) // or its strings might seem to be safe to read
                one->trouble = Status::site_overlaps;
    }
}

Status add_object(const Backend &backend, const dl_phdr_info &info, const SiteTable &table, SiteList &list)
{
    const Image image(info);
    Functions functions(info);
    const auto first = static_cast<std::uint32_t>(list.sites.size());
    const auto count = static_cast<std::uint32_t>(table.end - table.begin);
    const auto object = static_cast<std::uint32_t>(list.objects.size());
    if (Status status = list.objects.push({info.dlpi_name, info.dlpi_addr, table.state, first, count});
        status != Status::ok)
        return status;
    if (Status status = list.sites.reserve(first + std::size_t{count}); status != Status::ok)
        return status;
    const slicepatch_site_record *before = nullptr;
    std::uintptr_t behind_last = 0;
    bool in_order = true; // as linkers leave them, and none reaches into the next
    for (const slicepatch_site_record *record = table.begin; record != table.end; ++record) {
        const Status trouble = check_record(backend, image, functions, *record, before);
        const auto kind = trouble == Status::record_unknown ? Kind::branch : static_cast<Kind>(record->kind);
        before = trouble == Status::ok ? record : nullptr;
        if (Status status = list.sites.push({record, 0, kind, State::foreign, trouble}); status != Status::ok)
            return status;
        const std::uintptr_t head = site_place(*record).head;
        in_order = in_order && head >= behind_last && trouble != Status::record_unknown;
        behind_last = head + backend.site_size(kind);
    }
    if (!in_order)
        sort_sites(backend, list.sites.begin() + first, list.sites.end());
    Grouping grouping(list, object, functions);
    for (Site *site = list.sites.begin() + first; site != list.sites.end(); ++site)
        if (Status status = grouping.add(*site); status != Status::ok)
            return status;
    if (Status status = grouping.unite_parts(list.sites.begin() + first, list.sites.end()); status != Status::ok)
        return status;
    grouping.settle();
    return Status::ok;
}

struct Search {
    const Backend &backend;
    SiteList &list;
    Status status = Status::ok;
};

/// All notes of an object, before anything of it is used: one that cannot be trusted leaves it out as a whole.
Status check_notes(const Image &image)
{
    Image::Cursor cursor;
    SiteTable table;
    bool found = true;
    Status status = Status::ok;
    while (found && status == Status::ok)
        status = image.find_table(cursor, table, found);
    return status;
}

int visit_object(dl_phdr_info *info, std::size_t, void *data)
{
    auto &search = *static_cast<Search *>(data);
    search.status = find_sites_in(search.backend, *info, search.list);
    return search.status != Status::ok;
}

struct Locked {
    Status (*work)(void *);
    void *data;
    Status status = Status::ok;
};

int run_locked(dl_phdr_info *, std::size_t, void *data)
{
    auto &locked = *static_cast<Locked *>(data);
    locked.status = locked.work(locked.data);
    return 1; // once is enough: the lock is what was wanted
}

} // namespace

const char *site_label(const slicepatch_site_record &record)
{
    return string_named_by(record.label);
}

const char *site_file(const slicepatch_site_record &record)
{
    const char *file = string_named_by(record.file);
    return file ? file : "";
}

Status with_loader_lock(Status (*work)(void *data), void *data)
{
    Locked locked{work, data};
    dl_iterate_phdr(run_locked, &locked);
    return locked.status;
}

Status find_sites_in(const Backend &backend, const dl_phdr_info &info, SiteList &list)
{
    const Image image(info);
    if (Status status = check_notes(image); status != Status::ok) {
        if (!list.bad_objects++)
            list.bad_object_trouble = status;
        return Status::ok;
    }
    Image::Cursor cursor;
    SiteTable table, first{};
    bool found = true;
    Status status = Status::ok;
    while (status == Status::ok) {
        (void)image.find_table(cursor, table, found); // checked just now
        if (!found)
            break;
        if (!first.state)
            status = add_object(backend, info, first = table, list);
        else if (table.begin == first.begin) // one more state of the same object, which is told as well
            status = add_object(backend, info, {table.end, table.end, table.state}, list);
    }
    return status;
}

Status find_sites(const Backend &backend, SiteList &list)
{
    Search search{backend, list};
    dl_iterate_phdr(visit_object, &search);
    return search.status;
}

} // namespace slicepatch
