// SPDX-License-Identifier: MIT
//
// Names of functions, from the symbol table of the file that an object was loaded from.
#ifndef SLICEPATCH_SYMBOLS_H
#define SLICEPATCH_SYMBOLS_H

#include "sites.h"

#include <cstring>

namespace slicepatch {

/// A file mapped for reading. Every access is checked against its size: it need not be the file that was loaded.
class MappedFile {
public:
    explicit MappedFile(const char *path);
    MappedFile(const MappedFile &) = delete;
    MappedFile &operator=(const MappedFile &) = delete;
    ~MappedFile();

    template <class T> bool read(std::uint64_t offset, T &value) const
    {
        if (!data_ || offset > size_ || size_ - offset < sizeof value)
            return false;
        std::memcpy(&value, data_ + offset, sizeof value);
        return true;
    }

    /// The null-terminated string at offset, null if it does not end inside the file.
    [[nodiscard]] const char *string(std::uint64_t offset) const;

private:
    const std::uint8_t *data_ = nullptr;
    std::size_t size_ = 0;
};

/// The (mangled) name of the function that starts at address, of any length. Without what the compiler adds behind a
/// dot when it makes several of one (".part.0", ".cold"): they share every decision.
class FunctionName {
public:
    FunctionName(const Object &object, std::uintptr_t address);
    FunctionName(const FunctionName &) = delete;
    FunctionName &operator=(const FunctionName &) = delete;
    ~FunctionName();

    /// "" where the file is gone, stripped or unreadable. For this object's lifetime.
    [[nodiscard]] const char *text() const
    {
        return name_ ? name_ : "";
    }

private:
    char *name_ = nullptr;
};

} // namespace slicepatch

#endif
