// SPDX-License-Identifier: MIT
#include "sharing.h"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace slicepatch {

namespace {

/// struct procmap_query of <linux/fs.h>, Linux 6.11: newer than many of these headers. 104 bytes on every architecture.
struct MappingQuery {
    std::uint64_t size, query_flags, address, begin, end, flags, page_size, offset, inode;
    std::uint32_t major, minor, name_size, build_id_size;
    std::uint64_t name, build_id;
};
static_assert(sizeof(MappingQuery) == 104);

constexpr unsigned long procmap_query = _IOWR('f', 17, MappingQuery);
constexpr std::uint64_t vma_shared = 0x08; // PROCMAP_QUERY_VMA_SHARED: made with MAP_SHARED, whatever its protection

class MappingFlags {
public:
    MappingFlags() : file_(open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
    MappingFlags(const MappingFlags &) = delete;
    MappingFlags &operator=(const MappingFlags &) = delete;
    ~MappingFlags()
    {
        if (file_ >= 0)
            close(file_);
    }

    [[nodiscard]] bool is_shared(std::uintptr_t address)
    {
        if (address >= last_.begin && address < last_.end)
            return last_.flags & vma_shared;
        if (file_ < 0)
            return false;
        last_ = {};
        last_.size = sizeof last_;
        last_.address = address;
        if (ioctl(file_, procmap_query, &last_) == 0)
            return last_.flags & vma_shared;
        last_ = {};
        close(file_); // text is mapped: whatever the kernel has against the question, it has against the next one
        file_ = -1;
        return false;
    }

private:
    int file_;
    MappingQuery last_{};
};

} // namespace

void find_shared_text(SiteList &list)
{
    if (list.sites.empty())
        return;
    const int saved = errno;
    MappingFlags mappings;
    for (Site &site : list.sites) {
        if (site.repeated || site.trouble != Status::ok || !mappings.is_shared(site_place(*site.record).head))
            continue;
        site.trouble = Status::text_shared;
        Group &group = list.groups[site.group];
        if (group.trouble == Status::ok)
            group.trouble = Status::group_inconsistent;
    }
    errno = saved;
}

} // namespace slicepatch
