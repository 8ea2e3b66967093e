// SPDX-License-Identifier: MIT
#include "private_text.h"
#include "patcher/tool/error.h"

#include "patcher/library/text/procmem.h"

#include <cstdint>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace slicepatch::tool::bench {

namespace {

struct Text {
    std::uintptr_t begin, end; // whole pages
};

/// The first object is the program.
int find_text(dl_phdr_info *info, std::size_t, void *data)
{
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr) &segment = info->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X))
            continue;
        const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
        *static_cast<Text *>(data) = {begin & ~(page - 1), (begin + segment.p_memsz + page - 1) & ~(page - 1)};
        return 1;
    }
    return -1;
}

/// Each page by one store of what is there; nobody else runs.
bool write_through_mapping(const Text &text, std::uintptr_t page)
{
    auto *const begin = reinterpret_cast<void *>(text.begin);
    if (mprotect(begin, text.end - text.begin, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return false;
    for (std::uintptr_t at = text.begin; at < text.end; at += page) {
        volatile auto *const byte = reinterpret_cast<std::uint8_t *>(at);
        *byte = *byte;
    }
    return mprotect(begin, text.end - text.begin, PROT_READ | PROT_EXEC) == 0;
}

bool write_through_file(const Text &text, std::uintptr_t page)
{
    ProcMem memory;
    for (std::uintptr_t at = text.begin; at < text.end; at += page)
        if (memory.write(at, reinterpret_cast<const void *>(at), 1) != Status::ok)
            return false;
    return true;
}

} // namespace

void make_text_private()
{
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    Text text{};
    if (dl_iterate_phdr(find_text, &text) != 1)
        throw Error("bench: this program has no text");
    if (!write_through_file(text, page) && !write_through_mapping(text, page))
        throw Error("bench: the pages of this program's text cannot be written here, and so not be copied");
}

} // namespace slicepatch::tool::bench
