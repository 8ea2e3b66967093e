// SPDX-License-Identifier: MIT
#include "object_copy.h"

#include "error.h"
#include "patcher/library/sites/note.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>

namespace slicepatch::tool {

namespace {

constexpr std::uint64_t alignment = 1 << 16; // the largest page of any architecture: sites stay aligned
// Address space, of which nearly nothing is ever touched; an emulator of processes keeps some bytes for each page of
// it.
constexpr std::uint64_t most_memory = std::uint64_t{1} << 36;
constexpr std::uint64_t most_bytes = std::uint64_t{4} << 30; // that are copied
constexpr std::uint64_t largest_notes = 1 << 20; // bytes of one PT_NOTE segment; real ones have a few hundred

[[noreturn]] void fail(const ElfImage &image, const std::string &why)
{
    throw Error("{}: {}", image.name(), why);
}

/// From the first byte of the object to behind the last one.
struct Extent {
    std::uint64_t begin = UINT64_MAX, end = 0;

    explicit Extent(const ElfImage &image)
    {
        for (const Segment &segment : image.segments()) {
            if (segment.type != PT_LOAD || !segment.memory_size)
                continue;
            if (segment.memory_size > UINT64_MAX - segment.address)
                fail(image, "a segment reaches beyond the end of memory");
            begin = std::min(begin, segment.address / alignment * alignment);
            end = std::max(end, segment.address + segment.memory_size);
        }
    }
};

} // namespace

ObjectCopy::ObjectCopy(const ElfImage &image)
{
    const Extent extent(image);
    if (extent.begin < extent.end) {
        if (extent.end - extent.begin > most_memory)
            fail(image, fmt::format("its segments span {} bytes of memory, more than any program's",
                                    extent.end - extent.begin));
        size_ = extent.end - extent.begin + alignment;
        memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory_ == MAP_FAILED) {
            memory_ = nullptr;
            fail(image, fmt::format("no room for {} bytes: {}", size_, std::strerror(errno)));
        }
        const std::uint64_t first = (reinterpret_cast<std::uint64_t>(memory_) + alignment - 1) / alignment * alignment;
        info_.dlpi_addr = first - extent.begin;
    }
    lay_out(image);
    info_.dlpi_name = "";
    info_.dlpi_phdr = headers_.data();
    info_.dlpi_phnum = static_cast<Elf64_Half>(headers_.size());
}

ObjectCopy::~ObjectCopy()
{
    if (memory_)
        munmap(memory_, size_);
}

/// What cannot be read of a segment is not there: its program header ends before.
void ObjectCopy::lay_out(const ElfImage &image)
{
    std::uint64_t copied = 0;
    for (const Segment &segment : image.segments()) {
        Elf64_Phdr header{};
        header.p_type = segment.type;
        header.p_flags = segment.flags;
        header.p_offset = segment.offset;
        header.p_vaddr = segment.address;
        header.p_filesz = segment.file_size;
        header.p_memsz = segment.memory_size;
        header.p_align = segment.alignment;
        if (const std::uint64_t wanted = std::min(segment.file_size, segment.memory_size);
            segment.type == PT_LOAD && wanted) {
            if ((copied += wanted) > most_bytes)
                fail(image, fmt::format("its segments have more than {} bytes", most_bytes));
            auto *const bytes = reinterpret_cast<std::uint8_t *>(info_.dlpi_addr + segment.address);
            const std::size_t read = image.read_beginning(segment, {bytes, wanted});
            if (read < wanted)
                header.p_memsz = header.p_filesz = read;
        }
        headers_.push_back(header);
    }
}

bool has_note(const ElfImage &image)
{
    return std::any_of(image.segments().begin(), image.segments().end(), [&](const Segment &segment) {
        if (segment.type != PT_NOTE || !image.contains(segment.address, segment.memory_size, PF_R))
            return false;
        if (segment.memory_size > largest_notes)
            return true; // the rules find out
        std::vector<std::uint8_t> bytes(segment.memory_size);
        std::size_t offset = 0;
        NoteDescriptor descriptor;
        return image.read(segment.address, bytes) && next_note(bytes, offset, descriptor);
    });
}

} // namespace slicepatch::tool
