// SPDX-License-Identifier: MIT
//
// What the macros compile to is, byte for byte, what the encoder calls compiled.
#include "patcher/library/text/forms.h"

#include <doctest/doctest.h>

#include <cstring>

extern "C" void compiled_sites(volatile int *value);

namespace slicepatch::tests {

TEST_CASE("the macros and the encoder agree on every byte of a compiled site")
{
    SiteList list;
    REQUIRE(find_sites(host_backend(), list) == Status::ok);
    CHECK(list.bad_objects == 0);
    REQUIRE(list.objects.size() == 1);
    REQUIRE(list.sites.size() >= 3); // compilers may write a site twice, each with its own record
    REQUIRE(list.groups.size() == 1);
    CHECK(std::strcmp(list.groups[0].label, "compiled_sites") == 0);
    CHECK(list.groups[0].has_enter);
    CHECK(list.groups[0].has_exit);
    FormTable forms;
    REQUIRE(make_forms(host_backend(), 2364, forms) == Status::ok);
    read_states(forms, list);
    for (const Site &site : list.sites) {
        CAPTURE(kind_name(site.kind));
        CHECK(site.trouble == Status::ok);
        CHECK(site.state == State::compiled);
        CHECK(std::strstr(site_file(*site.record), "compiled_sites.c"));
        CHECK(site.record->line > 0);
    }
    volatile int value = 0;
    compiled_sites(&value);
    CHECK(value == 1);
}

} // namespace slicepatch::tests
