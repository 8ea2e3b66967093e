// SPDX-License-Identifier: MIT
//
// The functions that are still without a name, and what a symbol has to be to name one.
#ifndef SLICEPATCH_NAMING_H
#define SLICEPATCH_NAMING_H

#include "patcher/library/base/array.h"
#include "symbols.h"

#include <algorithm>
#include <cstring>
#include <elf.h>

namespace slicepatch {

/// A text of any length.
class Name {
public:
    void clear()
    {
        length_ = 0;
    }
    [[nodiscard]] std::size_t length() const
    {
        return length_;
    }
    [[nodiscard]] char *text()
    {
        return room_.begin();
    }
    Status append(const std::uint8_t *bytes, std::size_t size)
    {
        if (Status status = room_.reserve(length_ + size); status != Status::ok)
            return status;
        std::memcpy(room_.begin() + length_, bytes, size);
        length_ += size;
        return Status::ok;
    }

private:
    Array<char> room_;
    std::size_t length_ = 0;
};

/// The functions that are left, by address.
class Naming {
public:
    Naming(std::span<Function> functions, const NameVisitor &visitor)
        : functions_(functions), visitor_(visitor), left_(functions.size())
    {
    }

    [[nodiscard]] bool done() const
    {
        return left_ == 0;
    }
    /// Those in what a symbol names, if one of them is without a name; what has no size names its first byte.
    [[nodiscard]] std::span<Function> find(std::uintptr_t address, std::size_t size) const
    {
        const auto is_before = [](const Function &a, std::uintptr_t b) { return a.address < b; };
        const auto begin = std::lower_bound(functions_.begin(), functions_.end(), address, is_before);
        auto end = begin;
        bool asked = false;
        for (; end != functions_.end() && end->address - address < std::max<std::size_t>(size, 1); ++end)
            asked |= !end->named;
        return asked ? std::span<Function>(begin, end) : std::span<Function>();
    }
    /// The name may have a version behind it, as in a file.
    void name(std::span<Function> functions, Name &name)
    {
        name.text()[std::strcspn(name.text(), ".@")] = 0;
        for (Function &function : functions) {
            if (function.named)
                continue;
            visitor_.visit(function.group, name.text(), visitor_.data);
            function.named = true;
            --left_;
        }
    }

private:
    std::span<Function> functions_;
    const NameVisitor &visitor_;
    std::size_t left_;
};

/// Parts of a function that clang puts into sections of their own have symbols without a type.
inline bool is_function(const ElfW(Sym) & symbol)
{
    const unsigned type = ELF64_ST_TYPE(symbol.st_info);
    return (type == STT_FUNC || (type == STT_NOTYPE && symbol.st_size)) && symbol.st_shndx != SHN_UNDEF &&
           symbol.st_name;
}

} // namespace slicepatch

#endif
