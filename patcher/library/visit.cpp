// SPDX-License-Identifier: MIT
#include "visit.h"

#include "patcher/library/outcomes/outcomes.h"
#include "patcher/library/sites/sites.h"

namespace slicepatch {

Status visit_sites(int (*visit)(const slicepatch_site_info *site, void *data), void *data, int &answer)
{
    SiteList list;
    if (Status status = find_sites(host_backend(), list); status != Status::ok)
        return status;
    if (list.bad_objects)
        return list.bad_object_trouble;
    Decoded decoded{State::foreign, 0};
    for (const Site &site : list.sites) {
        const slicepatch_site_record &record = *site.record;
        const bool readable = site.trouble == Status::ok;
        const Place place = site_place(record);
        if (!site.repeated) // by the site before
            decoded = {State::foreign, 0};
        if (readable && !site.repeated)
            if (Status status = host_backend().decode(
                    site.kind, place,
                    {reinterpret_cast<const std::uint8_t *>(place.head), host_backend().site_size(site.kind)}, decoded);
                status != Status::ok)
                return status;
        const Object &object = list.objects[list.groups[site.group].object];
        const SiteOutcomes outcomes = readable ? outcomes_of(*object.state, record) : SiteOutcomes{};
        const slicepatch_site_info info{
            .object = object.name,
            .label = readable ? site_label(record) : nullptr,
            .file = readable ? site_file(record) : "",
            .line = record.line,
            .kind = record.kind,
            .state = static_cast<std::uint8_t>(decoded.state),
            .address = place.head,
            .yielded = outcomes.yielded,
            .lost = outcomes.lost,
            .reached = outcomes.reached,
        };
        if ((answer = visit(&info, data)))
            break;
    }
    return Status::ok;
}

} // namespace slicepatch
