// SPDX-License-Identifier: MIT
#include "groups.h"

#include <algorithm>
#include <cstring>

namespace slicepatch {

namespace {

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

    /// Sites come in the order of their addresses, and so do their functions: the last one or a new one. Nothing is
    /// said about sites that no function is known to hold: the group before or behind may be of other code.
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

} // namespace

Status group_sites(std::uint32_t object, Site *begin, Functions &functions, SiteList &list)
{
    Grouping grouping(list, object, functions);
    for (Site *site = begin; site != list.sites.end(); ++site)
        if (Status status = grouping.add(*site); status != Status::ok)
            return status;
    if (Status status = grouping.unite_parts(begin, list.sites.end()); status != Status::ok)
        return status;
    grouping.settle();
    return Status::ok;
}

} // namespace slicepatch
