// SPDX-License-Identifier: MIT
#include "sites.h"

#include "groups.h"
#include "image.h"
#include "patcher/library/base/populate.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

namespace slicepatch {

namespace {

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
    (void)populate_for_reading(table.begin, count * sizeof *table.begin); // only cheaper
    const slicepatch_site_record *before = nullptr;
    std::uintptr_t behind_last = 0;
    bool in_order = true; // as linkers leave them, and none reaches into the next
    for (const slicepatch_site_record *record = table.begin; record != table.end; ++record) {
        const Status trouble = check_record(backend, image, functions, *record, before);
        const auto kind = trouble == Status::record_unknown ? Kind::branch : static_cast<Kind>(record->kind);
        before = trouble == Status::ok ? record : nullptr;
        list.kinds |= 1U << static_cast<unsigned>(kind);
        if (Status status = list.sites.push({record, 0, kind, State::foreign, trouble}); status != Status::ok)
            return status;
        const std::uintptr_t head = site_place(*record).head;
        in_order = in_order && head >= behind_last && trouble != Status::record_unknown;
        behind_last = head + backend.site_size(kind);
    }
    if (!in_order)
        sort_sites(backend, list.sites.begin() + first, list.sites.end());
    return group_sites(object, list.sites.begin() + first, functions, list);
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
