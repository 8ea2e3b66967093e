// SPDX-License-Identifier: MIT
#include "own_area.h"

#include <cstdint>

// Of <slicepatch/slicepatch.h>, which would bring the depth of the outermost forms with it.
struct slicepatch_options;
struct slicepatch_report;
extern "C" __attribute__((visibility("default"))) int slicepatch_init_from(const void *, const slicepatch_options *,
                                                                           slicepatch_report *);
extern "C" __attribute__((visibility("default"))) int
slicepatch_init_from_executable(const void *, const slicepatch_options *, slicepatch_report *);

namespace {

// initial-exec: part of the block that the thread is started with, and at the same distance everywhere.
__attribute__((tls_model("initial-exec"))) thread_local constinit struct alignas(slicepatch::area_size) {
    std::uint8_t bytes[slicepatch::area_size];
} own_area{};

} // namespace

extern "C" void *slicepatch_own_area()
{
    return &own_area;
}

extern "C" int slicepatch_init_from_executable(const void *here, const slicepatch_options *options,
                                               slicepatch_report *report)
{
    return slicepatch_init_from(here, options, report);
}
