// SPDX-License-Identifier: MIT
//
// Finds the sites of the objects that this process has loaded, and sorts them into groups.
#ifndef SLICEPATCH_SITES_H
#define SLICEPATCH_SITES_H

#include "../arch/backend.h"
#include "array.h"

#include <slicepatch/site.h>

namespace slicepatch {

/// One loaded object that has sites. Valid only while the loader's lock is held (with_loader_lock).
struct Object {
    const char *name; // "" for the executable
    std::uintptr_t base;
    slicepatch_object *state;
    std::uint32_t first_site, site_count;
};

/// All sites of one label in one object, or of one function where they have no label. They share every decision.
struct Group {
    const char *label;        // null: a function
    std::uintptr_t function;  // its first byte, 0 if the object has no unwind table: then all such sites are one group
    std::uint32_t object;
    std::uint32_t enters, exits, branches;
    Status trouble; // ok, or why the whole group must stay as it is
};

struct Site {
    const slicepatch_site_record *record;
    std::uint32_t group;
    Kind kind;
    State state;    // as found; after patching, as left
    Status trouble; // of this site alone
};

struct SiteList {
    Array<Object> objects;
    Array<Group> groups;
    Array<Site> sites;
};

/// Runs work(data) under the loader's lock, so that no object comes or goes meanwhile. Recursive.
Status with_loader_lock(Status (*work)(void *data), void *data);

/// Collects all sites, checks each record against its object, and reads each site's state. A bad record is not an error
/// of this call: its site and group carry the trouble. Call it under the loader's lock.
Status find_sites(const Backend &backend, SiteList &list);

Place site_place(const slicepatch_site_record &record);
const char *site_label(const slicepatch_site_record &record); // null: none
const char *site_file(const slicepatch_site_record &record);  // "" if none

} // namespace slicepatch

#endif
