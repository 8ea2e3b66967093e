// SPDX-License-Identifier: MIT
//
// Preloaded into a program, prints what the library's rules say of each object of it, and ends it before main():
//   object NAME            "" for the executable
//   bad TROUBLE            the object is left out
//   ADDRESS KIND TROUBLE GROUP   a site, by its link-time address; groups that are united have one number
#include "patcher/library/sites/sites.h"

#include <cstdio>
#include <unistd.h>

using namespace slicepatch;

namespace {

int print_object(dl_phdr_info *info, std::size_t, void *)
{
    SiteList list;
    if (find_sites_in(host_backend(), *info, list) != Status::ok)
        _exit(1);
    std::printf("object %s\n", info->dlpi_name);
    if (list.bad_objects)
        std::printf("bad %s\n", status_text(list.bad_object_trouble));
    for (const Site &site : list.sites)
        std::printf("%llx %u %u %u\n", static_cast<unsigned long long>(site_place(*site.record).head - info->dlpi_addr),
                    unsigned{site.record->kind}, static_cast<unsigned>(site.trouble), list.groups[site.group].whole);
    return 0;
}

[[gnu::constructor]] void print_all()
{
    dl_iterate_phdr(print_object, nullptr);
    std::fflush(stdout);
    _exit(0);
}

} // namespace
