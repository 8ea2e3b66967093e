// SPDX-License-Identifier: MIT
//
// An object of a file or of another process, laid out in this program's memory as a loader lays it out. So the
// library's own rules read it: what they say of an object of their own process holds for this one word for word.
#ifndef SLICEPATCH_TOOL_OBJECT_COPY_H
#define SLICEPATCH_TOOL_OBJECT_COPY_H

#include "elf_image.h"

#include <link.h>

namespace slicepatch::tool {

class ObjectCopy {
public:
    /// Throws Error for an object that claims more memory than this program can have.
    explicit ObjectCopy(const ElfImage &image);
    ObjectCopy(const ObjectCopy &) = delete;
    ObjectCopy &operator=(const ObjectCopy &) = delete;
    ~ObjectCopy();

    /// As the loader would tell of it. For this object's lifetime.
    [[nodiscard]] const dl_phdr_info &info() const
    {
        return info_;
    }
    [[nodiscard]] std::uint64_t link_address(std::uint64_t address) const
    {
        return address - info_.dlpi_addr;
    }

private:
    void lay_out(const ElfImage &image);

    std::vector<Elf64_Phdr> headers_;
    void *memory_ = nullptr;
    std::size_t size_ = 0;
    dl_phdr_info info_{};
};

/// Whether one of its notes is ours, without which nothing of it has to be laid out.
[[nodiscard]] bool has_note(const ElfImage &image);

} // namespace slicepatch::tool

#endif
