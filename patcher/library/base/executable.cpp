// SPDX-License-Identifier: MIT
#include "executable.h"

#include <sys/auxv.h>

namespace slicepatch {

namespace {

/// What the kernel started: the executable, or a dynamic linker that was told to run it and did not put that right. No
/// namespace but the first one has either (musl has no other).
int visit_started(dl_phdr_info *info, std::size_t, void *)
{
    return reinterpret_cast<std::uintptr_t>(info->dlpi_phdr) == getauxval(AT_PHDR);
}

struct Place {
    std::uintptr_t address;
    bool in_first = false;
};

int visit_first(dl_phdr_info *info, std::size_t, void *data)
{
    auto &place = *static_cast<Place *>(data);
    place.in_first = holds_address(*info, place.address);
    return 1;
}

} // namespace

bool holds_address(const dl_phdr_info &info, std::uintptr_t address)
{
    for (int i = 0; i < info.dlpi_phnum; ++i) {
        const ElfW(Phdr) &segment = info.dlpi_phdr[i];
        if (segment.p_type == PT_LOAD && address - (info.dlpi_addr + segment.p_vaddr) < segment.p_memsz)
            return true;
    }
    return false;
}

bool is_in_first_namespace()
{
    return dl_iterate_phdr(visit_started, nullptr) != 0;
}

bool is_in_executable(std::uintptr_t address)
{
    // It is the first object of the namespace that it is in (dl_iterate_phdr(3)).
    Place place{address};
    dl_iterate_phdr(visit_first, &place);
    return place.in_first && is_in_first_namespace();
}

} // namespace slicepatch
