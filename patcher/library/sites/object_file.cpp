// SPDX-License-Identifier: MIT
#include "object_file.h"

#include "patcher/library/base/array.h"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace slicepatch {

namespace {

/// What the kernel says that mappings of the file are of.
bool identify(int file, FileIdentity &identity)
{
    const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    // As low as the system allows, so that it is on the first line: with many objects, finding it would take long.
    constexpr std::uintptr_t low = 1 << 20; // above what any mmap_min_addr refuses
    void *page = mmap(reinterpret_cast<void *>(low), size, PROT_READ, MAP_PRIVATE, file, 0);
    if (page == MAP_FAILED)
        return false;
    Maps maps;
    Mapping mapping;
    const bool found = maps.find(reinterpret_cast<std::uintptr_t>(page), mapping) == Maps::Answer::found;
    identity = mapping.file;
    munmap(page, size);
    return found;
}

/// The file at that path, if it is the one; -1 otherwise.
int open_file(const char *path, const FileIdentity &wanted)
{
    struct stat before, after;
    if (stat(path, &before) != 0 || !S_ISREG(before.st_mode))
        return -1; // to open a device may do anything
    const int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0)
        return -1;
    FileIdentity identity;
    if (fstat(file, &after) == 0 && S_ISREG(after.st_mode) && identify(file, identity) && identity == wanted)
        return file;
    close(file);
    return -1;
}

} // namespace

int open_object(const dl_phdr_info &object, Maps &maps)
{
    const ElfW(Phdr) *first = std::find_if(object.dlpi_phdr, object.dlpi_phdr + object.dlpi_phnum,
                                           [](const ElfW(Phdr) & segment) { return segment.p_type == PT_LOAD; });
    Mapping mapping;
    if (first == object.dlpi_phdr + object.dlpi_phnum ||
        maps.find(object.dlpi_addr + first->p_vaddr, mapping) != Maps::Answer::found || !mapping.file.inode)
        return -1;
    int file = open_file(*object.dlpi_name ? object.dlpi_name : "/proc/self/exe", mapping.file);
    // The name may be relative to a folder that is the current one no longer.
    if (Array<char> path; file < 0 && maps.read_name(path))
        file = open_file(path.begin(), mapping.file);
    // It may be deleted, or in another root; only the privileged may follow this link (proc(5)).
    if (char path[64]; file < 0) {
        std::snprintf(path, sizeof path, "/proc/self/map_files/%zx-%zx", std::size_t{mapping.begin},
                      std::size_t{mapping.end});
        file = open_file(path, mapping.file);
    }
    return file;
}

} // namespace slicepatch
