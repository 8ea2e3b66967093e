// SPDX-License-Identifier: MIT
#include "selection.h"

#include "symbols.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace slicepatch {

namespace {

/// An object of the list, with what the loader says of it.
struct LoadedObject {
    dl_phdr_info info;
    std::uint32_t object;
};

struct ObjectSearch {
    const SiteList &list;
    Array<LoadedObject> &found;
    std::uint32_t next = 0;
    Status status = Status::ok;
};

/// Objects come in the order in which find_sites() has seen them.
int visit_object(dl_phdr_info *info, std::size_t, void *data)
{
    auto &search = *static_cast<ObjectSearch *>(data);
    const Array<Object> &objects = search.list.objects;
    // One that was made of several files with sites has an entry for each of its states.
    const auto is_this = [&](const Object &object) {
        return info->dlpi_addr == object.base && !std::strcmp(info->dlpi_name, object.name);
    };
    while (search.next < objects.size() && is_this(objects[search.next]) && search.status == Status::ok)
        search.status = search.found.push({*info, search.next++});
    return search.next == objects.size() || search.status != Status::ok;
}

/// The last item matches everything: no other one matters.
bool needs_no_names(const char *globs)
{
    const char *comma = std::strrchr(globs, ',');
    const char *last = comma ? comma + 1 : globs;
    return !std::strcmp(last, "*") || !std::strcmp(last, "-*");
}

struct Work {
    const SiteList &list;
    const char *globs;
    Selection &selection;
    bool *matched; // by index of a glob; null: there was no memory, and unmatched globs stay unknown
};

std::uint64_t hash(const char *name)
{
    std::uint64_t value = 0xcbf29ce484222325; // FNV-1a
    for (; *name; ++name)
        value = (value ^ static_cast<std::uint8_t>(*name)) * 0x100000001b3;
    return value;
}

void select_by_name(std::uint32_t group, const char *name, void *data)
{
    auto &work = *static_cast<Work *>(data);
    work.selection.groups[group] = selects(work.globs, name, work.matched);
    // There is room: one for each function that is asked for.
    (void)work.selection.names.push({work.list.groups[group].object, group, hash(name)});
}

/// Functions whose names are asked for, in the order of their objects and addresses.
Status collect_functions(const SiteList &list, Array<Function> &functions)
{
    for (std::size_t i = 0; i < list.groups.size(); ++i) {
        const Group &group = list.groups[i];
        if (!group.label && group.function)
            if (Status status = functions.push({group.function, static_cast<std::uint32_t>(i), false});
                status != Status::ok)
                return status;
    }
    std::sort(functions.begin(), functions.end(), [&](const Function &a, const Function &b) {
        const std::uint32_t in = list.groups[a.group].object, other = list.groups[b.group].object;
        return in != other ? in < other : a.address < b.address;
    });
    return Status::ok;
}

/// The loaded objects in the order of their addresses, in which Maps reads.
Status collect_objects(const SiteList &list, Array<LoadedObject> &objects)
{
    ObjectSearch search{list, objects};
    dl_iterate_phdr(visit_object, &search);
    std::sort(objects.begin(), objects.end(),
              [](const LoadedObject &a, const LoadedObject &b) { return a.info.dlpi_addr < b.info.dlpi_addr; });
    return search.status;
}

/// Those of one object.
std::span<Function> functions_of(std::uint32_t object, const SiteList &list, Array<Function> &functions)
{
    const auto begin = std::partition_point(functions.begin(), functions.end(), [&](const Function &function) {
        return list.groups[function.group].object < object;
    });
    const auto end = std::partition_point(
        begin, functions.end(), [&](const Function &function) { return list.groups[function.group].object == object; });
    return {begin, end};
}

Status select_functions(Work &work)
{
    const SiteList &list = work.list;
    Array<Function> functions;
    Array<LoadedObject> objects;
    if (Status status = collect_functions(list, functions); status != Status::ok || functions.empty())
        return status;
    if (Status status = collect_objects(list, objects); status != Status::ok)
        return status;
    if (Status status = work.selection.names.reserve(functions.size()); status != Status::ok)
        return status;
    Maps maps;
    Selection &selection = work.selection;
    for (const LoadedObject &object : objects) {
        const std::span<Function> asked = functions_of(object.object, list, functions);
        if (asked.empty() || name_functions(object.info, maps, asked, {select_by_name, &work}))
            continue;
        for (const Function &function : asked)
            if (!function.named)
                selection.groups[function.group] = false;
        if (!selection.unnamed)
            selection.unnamed = list.objects[object.object].name;
    }
    std::sort(selection.names.begin(), selection.names.end(), [](const NamedGroup &a, const NamedGroup &b) {
        return std::tie(a.object, a.name, a.group) < std::tie(b.object, b.name, b.group);
    });
    return Status::ok;
}

} // namespace

Status select_groups(const SiteList &list, const char *globs, Selection &selection)
{
    if (Status status = selection.groups.fill(list.groups.size(), true); status != Status::ok)
        return status;
    if (!globs || !*globs)
        return Status::ok;
    Array<bool> matched; // for the report alone: without memory for it nothing is said
    const bool knows = matched.fill(count_globs(globs), false) == Status::ok;
    Work work{list, globs, selection, knows ? matched.begin() : nullptr};
    const bool without_name = selects(globs, "");
    for (std::size_t i = 0; i < list.groups.size(); ++i)
        selection.groups[i] = list.groups[i].label ? selects(globs, list.groups[i].label, work.matched) : without_name;
    if (needs_no_names(globs))
        return Status::ok; // and which globs match a function is not known
    const Status status = select_functions(work);
    if (knows && !selection.unnamed)
        selection.unmatched = find_unmatched(globs, matched.span());
    return status;
}

} // namespace slicepatch
