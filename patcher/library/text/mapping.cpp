// SPDX-License-Identifier: MIT
#include "mapping.h"

#include "arch/backend.h"
#include "patcher/library/base/populate.h"

#include <algorithm>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace slicepatch {

namespace {

std::uint8_t *at(std::uintptr_t address)
{
    return reinterpret_cast<std::uint8_t *>(address);
}

struct SegmentSearch {
    std::uintptr_t begin, end; // of the page
    unsigned flags;            // of the program header; 0: none
};

int visit_segments(dl_phdr_info *info, std::size_t, void *data)
{
    auto &search = *static_cast<SegmentSearch *>(data);
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr) &segment = info->dlpi_phdr[i];
        const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
        if (segment.p_type == PT_LOAD && segment.p_flags & PF_X && begin < search.end &&
            begin + segment.p_memsz > search.begin)
            search.flags = segment.p_flags;
    }
    return search.flags != 0;
}

/// How the loader was told to map the page.
bool find_segment(std::uintptr_t page, std::size_t page_size, Mapping &mapping)
{
    SegmentSearch search{page, page + page_size, 0};
    dl_iterate_phdr(visit_segments, &search);
    mapping.begin = search.begin;
    mapping.end = search.end;
    mapping.protection = (search.flags & PF_R ? PROT_READ : 0) | (search.flags & PF_W ? PROT_WRITE : 0) |
                         (search.flags & PF_X ? PROT_EXEC : 0);
    return search.flags != 0;
}

/// The mapping that holds a page, so that its protection can be put back. Without /proc: the page alone, with the
/// protection of its program header, unless it may have a guard, which no program header has.
///
/// maps gives the mapping, guards (smaps) the guard and nothing else: emulators of processes answer maps for the
/// emulated program, but smaps for themselves.
Status find_mapping(Maps &maps, Maps &guards, std::uintptr_t page, std::size_t page_size, Mapping &mapping)
{
    Mapping guarded;
    const int guard = host_backend().guard_protection();
    switch (maps.find(page, mapping)) {
    case Maps::Answer::found:
        if (guard && guards.find(page, guarded) != Maps::Answer::found)
            return Status::protection_unknown;
        mapping.protection |= guarded.protection & guard;
        mapping.end = guard ? std::min(mapping.end, guarded.end) : mapping.end;
        return Status::ok;
    case Maps::Answer::absent:
        return Status::write_refused;
    case Maps::Answer::unreadable:
        break;
    }
    return !guard && find_segment(page, page_size, mapping) ? Status::ok : Status::protection_unknown;
}

/// By either of two calls that do the same (mprotect(2), pkey 0xffffffff): a filter may know one of them only.
bool protect(std::uintptr_t begin, std::uintptr_t end, int protection)
{
    return mprotect(at(begin), end - begin, protection) == 0 ||
           syscall(SYS_pkey_mprotect, begin, end - begin, protection, -1) == 0;
}

} // namespace

WritableMapping::WritableMapping() : guards_(Maps::own_with_flags, host_backend().guard_protection()) {}

WritableMapping::~WritableMapping()
{
    close();
}

Status WritableMapping::open(std::uintptr_t address, std::size_t page_size, const TextSpan &span)
{
    if (address >= begin_ && address < end_)
        return Status::ok;
    close();
    const std::uintptr_t in_page = page_size - 1;
    Mapping found;
    if (Status status = find_mapping(maps_, guards_, address & ~in_page, page_size, found); status != Status::ok)
        return status;
    const std::uintptr_t begin = std::max(found.begin, span.first & ~in_page);
    const std::uintptr_t end = std::min(found.end, (span.last | in_page) + 1);
    if (mprotect(at(begin), end - begin, found.protection | PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return Status::write_refused;
    begin_ = begin;
    end_ = end;
    opened_for_ = address;
    protection_ = found.protection;
    populate(span.runs);
    return Status::ok;
}

/// The pages that are about to be written to, and not those between them, which would be copied for nothing.
void WritableMapping::populate(std::span<const PageRun> runs) const
{
    for (const PageRun &run : runs) {
        const std::uintptr_t begin = std::max(run.begin, begin_), end = std::min(run.end, end_);
        if (begin < end && !slicepatch::populate(at(begin), end - begin))
            break;
    }
}

void WritableMapping::close()
{
    if (end_ && !protect(begin_, end_, protection_) && !lost_)
        lost_ = opened_for_;
    begin_ = end_ = 0;
}

} // namespace slicepatch
