// SPDX-License-Identifier: MIT
//
// How far functions reach, from their entries in .eh_frame (LSB Core, "The .eh_frame section"; DWARF 4, 6.4.1). For the
// library, which reads memory, and for the program, which reads files.
#ifndef SLICEPATCH_UNWIND_H
#define SLICEPATCH_UNWIND_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace slicepatch {

/// Read is bool(std::uint64_t address, std::span<std::uint8_t> bytes): all of the bytes, or false.
template <class Read> class UnwindEntries {
public:
    explicit UnwindEntries(Read read) : read_(read) {}

    /// The size in bytes of the code that the entry at this address describes; 0 if it cannot be read, or describes
    /// code that does not begin at begin.
    std::uint64_t size_of(std::uint64_t entry, std::uint64_t begin)
    {
        struct {
            std::uint32_t length, distance; // to the common part, from this field
        } begins{};
        if (!read_value(entry, begins) || !begins.length || begins.length == ~0U || !begins.distance)
            return 0;
        const std::uint64_t common = entry + 4 - begins.distance;
        if (common != common_) {
            common_ = common;
            encoding_ = read_encoding(common);
        }
        const std::uint8_t size = pointer_size(encoding_);
        std::uint64_t first = 0, code_size = 0;
        if (!read_pair(entry + 8, size, first, code_size))
            return 0;
        if (encoding_ & is_signed)
            first = extended(first, size);
        if ((encoding_ & application) == relative)
            first += entry + 8;
        return first == begin ? code_size : 0;
    }

private:
    // Pointer encodings: LSB Core, "DWARF Exception Header Encoding".
    static constexpr std::uint8_t format = 0x07, is_signed = 0x08, application = 0x70, absolute = 0x00, relative = 0x10,
                                  omitted = 0xff;

    /// 0: one that no linker writes in an entry.
    static std::uint8_t pointer_size(std::uint8_t encoding)
    {
        const std::uint8_t applied = encoding & ~(format | is_signed);
        if (applied != absolute && applied != relative)
            return 0;
        constexpr std::uint8_t sizes[] = {8, 0, 2, 4, 8, 0, 0, 0};
        return sizes[encoding & format];
    }

    static std::uint64_t extended(std::uint64_t value, std::uint8_t size)
    {
        const unsigned shift = 64 - 8 * unsigned{size};
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(value << shift) >> shift);
    }

    template <class T> bool read_value(std::uint64_t address, T &value)
    {
        return read_(address, {reinterpret_cast<std::uint8_t *>(&value), sizeof value});
    }

    /// Two numbers of a size in a row. Nearly all have 4 bytes.
    bool read_pair(std::uint64_t address, std::uint8_t size, std::uint64_t &one, std::uint64_t &other)
    {
        std::uint32_t pair[2] = {};
        if (size == sizeof *pair) {
            const bool read = read_value(address, pair);
            one = pair[0];
            other = pair[1];
            return read;
        }
        one = other = 0; // the upper bytes, where there are fewer
        return size && read_(address, {reinterpret_cast<std::uint8_t *>(&one), size}) &&
               read_(address + size, {reinterpret_cast<std::uint8_t *>(&other), size});
    }

    /// Of an unsigned or signed LEB128 number nothing but its end matters here.
    static std::size_t behind_number(std::span<const std::uint8_t> bytes, std::size_t at)
    {
        while (at < bytes.size() && bytes[at] & 0x80)
            ++at;
        return at + 1;
    }

    /// The pointer encoding of all entries with this common part. It is the first or second thing behind "zR", "zPLR"
    /// and their like, and never far.
    std::uint8_t read_encoding(std::uint64_t common)
    {
        std::uint32_t length = 0, id = ~0U;
        if (!read_value(common, length) || !read_value(common + 4, id) || id != 0)
            return omitted;
        std::uint8_t bytes[64];
        const std::span part{bytes, length - 4 < sizeof bytes ? length - 4 : sizeof bytes}; // behind the id
        if (length <= 4 || !read_(common + 8, part))
            return omitted;
        const auto *const letters = reinterpret_cast<const char *>(bytes + 1);
        const void *const end = std::memchr(letters, 0, part.size() - 1);
        if (!end)
            return omitted;
        std::size_t at = static_cast<std::size_t>(static_cast<const std::uint8_t *>(end) - bytes) + 1;
        at = behind_number(part, at);                          // code alignment
        at = behind_number(part, at);                          // data alignment
        at = bytes[0] == 1 ? at + 1 : behind_number(part, at); // return address register
        if (*letters != 'z')
            return *letters ? omitted : absolute;
        at = behind_number(part, at);
        const char *letter = letters + 1;
        for (; *letter && at < part.size(); ++letter) {
            if (*letter == 'R')
                return bytes[at];
            if (*letter == 'P')
                at += pointer_size(bytes[at] & (format | is_signed)) + std::size_t{1};
            else if (*letter == 'L')
                ++at;
            else if (*letter != 'S' && *letter != 'B' && *letter != 'G')
                return omitted;
        }
        return *letter ? omitted : absolute;
    }

    Read read_;
    std::uint64_t common_ = 0;
    std::uint8_t encoding_ = omitted;
};

} // namespace slicepatch

#endif
