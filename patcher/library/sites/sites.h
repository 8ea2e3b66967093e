// SPDX-License-Identifier: MIT
//
// Finds the sites of the objects that this process has loaded, and sorts them into groups.
#ifndef SLICEPATCH_SITES_H
#define SLICEPATCH_SITES_H

#include "arch/backend.h"
#include "patcher/library/base/array.h"
#include "record.h"

#include <slicepatch/site.h>

#include <link.h>

namespace slicepatch {

/// One loaded object that has sites. Valid only while the loader's lock is held (with_loader_lock).
struct Object {
    const char *name; // "" for the executable
    std::uintptr_t base;
    slicepatch_object_state *state;
    std::uint32_t first_site, site_count;
};

/// All sites of one label in one object, or of one function where they have no label. They share every decision, and
/// groups that are united share it too: the part of a function that the compiler has put with other unlikely code, and
/// what a linker has folded (identical code folding).
struct Group {
    const char *label;       // null: a function
    std::uintptr_t function; // its first byte. Where no unwind table tells, the site itself: a group alone
    std::uint32_t object;
    bool has_enter, has_exit;
    Status trouble;          // ok, or why the whole group must stay as it is
    std::uint32_t whole = 0; // the first of the groups that this one is united with; itself if that is none
};

struct Site {
    const slicepatch_site_record *record;
    std::uint32_t group;
    Kind kind;
    State state;           // foreign until read_states(); after patching, as left
    Status trouble;        // of this site alone
    bool repeated = false; // the site before is the same, and its record is the one to follow
};

struct SiteList {
    Array<Object> objects;
    Array<Group> groups;
    Array<Site> sites;
    unsigned kinds = 0;                     // of the sites, 1 << kind each
    std::uint32_t bad_objects = 0;          // left out, their sites stay as compiled
    Status bad_object_trouble = Status::ok; // of the first of them
};

/// Runs work(data) under the loader's lock, so that no object comes or goes meanwhile. Recursive.
Status with_loader_lock(Status (*work)(void *data), void *data);
template <class Work> void with_loader_lock(Work work)
{
    (void)with_loader_lock(
        [](void *data) {
            (*static_cast<Work *>(data))();
            return Status::ok;
        },
        &work);
}

/// Collects all sites in the order of their addresses and checks each record against its object. A bad record is not an
/// error of this call: its site and group carry the trouble, and an object whose table cannot be trusted at all is left
/// out and counted. Call it under the loader's lock.
Status find_sites(const Backend &backend, SiteList &list);

/// The same of one object, behind those that are in the list. Pure: it reads the object's memory and nothing else, so
/// that the program lays out a file, or an object of another process or machine, and asks here (tool/object_copy.h).
Status find_sites_in(const Backend &backend, const dl_phdr_info &info, SiteList &list);

} // namespace slicepatch

#endif
