// SPDX-License-Identifier: MIT
//
// An ELF object as its program headers describe it, on disk or in a process. Section headers are never needed to find
// sites, so that stripped files and live memory are read by the same code.
//
// Every address is a link-time address; a live object adds its load bias when it reads. Every size and offset comes
// from the object and may be a lie: nothing is read that a segment does not hold.
#ifndef SLICEPATCH_TOOL_ELF_IMAGE_H
#define SLICEPATCH_TOOL_ELF_IMAGE_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace slicepatch::tool {

struct Segment {
    std::uint32_t type, flags;
    std::uint64_t offset, address, file_size, memory_size, alignment;
    bool operator==(const Segment &) const = default;
};

class ElfImage {
public:
    virtual ~ElfImage() = default;

    [[nodiscard]] const std::string &name() const
    {
        return name_;
    }
    [[nodiscard]] std::uint16_t machine() const
    {
        return machine_;
    }
    /// What is added to a link-time address to get the address that a user sees.
    [[nodiscard]] std::uint64_t bias() const
    {
        return bias_;
    }
    [[nodiscard]] const std::vector<Segment> &segments() const
    {
        return segments_;
    }

    /// Whether [address, address + size) lies in one loaded segment that has all of flags (PF_R, PF_W, PF_X).
    [[nodiscard]] bool contains(std::uint64_t address, std::uint64_t size, std::uint32_t flags) const;
    /// All of bytes or nothing.
    [[nodiscard]] bool read(std::uint64_t address, std::span<std::uint8_t> bytes) const;
    template <class T> [[nodiscard]] bool read_object(std::uint64_t address, T &object) const
    {
        return read(address, {reinterpret_cast<std::uint8_t *>(&object), sizeof object});
    }
    /// The beginning of a loaded segment; as many bytes as there are.
    [[nodiscard]] std::size_t read_beginning(const Segment &segment, std::span<std::uint8_t> bytes) const
    {
        return read_segment(segment, 0, bytes);
    }

protected:
    explicit ElfImage(std::string name) : name_(std::move(name)) {}
    /// Throws Error if this is nothing that can hold sites.
    void parse_headers();

    /// Bytes of the ELF header and of the program headers, by their offset in the file.
    [[nodiscard]] virtual std::size_t read_header(std::uint64_t offset, std::span<std::uint8_t> bytes) const = 0;
    /// Bytes of a loaded segment, from delta on; as many as there are.
    [[nodiscard]] virtual std::size_t read_segment(const Segment &segment, std::uint64_t delta,
                                                   std::span<std::uint8_t> bytes) const = 0;

    std::string name_;
    std::uint16_t machine_ = 0;
    std::uint16_t type_ = 0;
    std::uint64_t bias_ = 0;
    std::vector<Segment> segments_;

private:
    [[nodiscard]] const Segment *segment_of(std::uint64_t address) const;
};

} // namespace slicepatch::tool

#endif
