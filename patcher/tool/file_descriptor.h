// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TOOL_FILE_DESCRIPTOR_H
#define SLICEPATCH_TOOL_FILE_DESCRIPTOR_H

#include <cstdint>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>

namespace slicepatch::tool {

class FileDescriptor {
public:
    explicit FileDescriptor(int number = -1) : number_(number) {}
    FileDescriptor(FileDescriptor &&other) noexcept : number_(std::exchange(other.number_, -1)) {}
    FileDescriptor &operator=(FileDescriptor &&other) noexcept
    {
        std::swap(number_, other.number_);
        return *this;
    }
    ~FileDescriptor()
    {
        if (number_ >= 0)
            close(number_);
    }
    [[nodiscard]] int get() const
    {
        return number_;
    }
    explicit operator bool() const
    {
        return number_ >= 0;
    }

private:
    int number_;
};

/// As many bytes as there are at that offset; 0 for any error, which the caller can only report as "not there".
[[nodiscard]] std::size_t read_at(const FileDescriptor &file, std::uint64_t offset, std::span<std::uint8_t> bytes);

/// Everything up to the end; for the small files of /proc, whose size is not known before. False: errno says why.
[[nodiscard]] bool read_all(const FileDescriptor &file, std::string &text);
/// The same by name; empty and false if there is none to be read.
[[nodiscard]] bool read_all(const std::string &path, std::string &text);

} // namespace slicepatch::tool

#endif
