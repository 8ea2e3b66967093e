// SPDX-License-Identifier: MIT
#include "file_symbols.h"

#include <cerrno>
#include <unistd.h>

namespace slicepatch {

namespace {

/// A file, read through a buffer.
class FileWindow {
public:
    explicit FileWindow(int file) : file_(file) {}

    /// What the buffer has from offset on, at least a byte; nothing at the end, or where the file cannot be read.
    std::span<const std::uint8_t> at(std::uint64_t offset)
    {
        if (offset - begin_ >= size_) {
            constexpr std::size_t capacity = 16384;
            size_ = 0;
            if (bytes_.reserve(capacity) != Status::ok)
                return {};
            ssize_t got;
            do
                got = pread(file_, bytes_.begin(), capacity, static_cast<off_t>(offset));
            while (got < 0 && errno == EINTR);
            if (got <= 0)
                return {};
            begin_ = offset;
            size_ = static_cast<std::size_t>(got);
        }
        return {bytes_.begin() + (offset - begin_), size_ - (offset - begin_)};
    }

    template <class T> bool read(std::uint64_t offset, T &value)
    {
        for (std::size_t done = 0; done < sizeof value;) {
            const std::span<const std::uint8_t> bytes = at(offset + done);
            const std::size_t size = std::min(bytes.size(), sizeof value - done);
            if (!size)
                return false;
            std::memcpy(reinterpret_cast<std::uint8_t *>(&value) + done, bytes.data(), size);
            done += size;
        }
        return true;
    }

    /// A null-terminated string, its end included.
    bool read_string(std::uint64_t offset, Name &string)
    {
        string.clear();
        for (;;) {
            const std::span<const std::uint8_t> bytes = at(offset + string.length());
            if (bytes.empty())
                return false;
            const auto *end = static_cast<const std::uint8_t *>(std::memchr(bytes.data(), 0, bytes.size()));
            const std::size_t size = end ? static_cast<std::size_t>(end + 1 - bytes.data()) : bytes.size();
            if (string.append(bytes.data(), size) != Status::ok)
                return false;
            if (end)
                return true;
        }
    }

private:
    int file_;
    Array<std::uint8_t> bytes_; // room alone
    std::uint64_t begin_ = 0;   // of what is there, in the file
    std::size_t size_ = 0;
};

/// Whether all symbols were read.
bool name_from_table(FileWindow &window, FileWindow &strings, const ElfW(Shdr) & table, std::uint64_t names,
                     ElfW(Addr) base, Naming &naming)
{
    Name name;
    for (std::uint64_t at = 0; at + sizeof(ElfW(Sym)) <= table.sh_size && !naming.done(); at += sizeof(ElfW(Sym))) {
        ElfW(Sym) symbol;
        if (!window.read(table.sh_offset + at, symbol))
            return false;
        const std::span<Function> named =
            is_function(symbol) ? naming.find(base + symbol.st_value, symbol.st_size) : std::span<Function>();
        if (named.empty())
            continue;
        if (!strings.read_string(names + symbol.st_name, name))
            return false;
        naming.name(named, name);
    }
    return true;
}

} // namespace

bool name_by_file(int file, ElfW(Addr) base, Naming &naming)
{
    FileWindow window(file), strings(file);
    ElfW(Ehdr) header;
    if (!window.read(0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) ||
        (header.e_shnum && header.e_shentsize != sizeof(ElfW(Shdr))) ||
        (!header.e_shnum && header.e_shoff)) // 65,280 sections or more are numbered elsewhere (gABI, "ELF Header")
        return false;
    for (unsigned i = 0; i < header.e_shnum; ++i) {
        ElfW(Shdr) table, names;
        if (!window.read(header.e_shoff + i * sizeof table, table))
            return false;
        if (table.sh_type != SHT_SYMTAB)
            continue;
        if (!window.read(header.e_shoff + table.sh_link * sizeof names, names) ||
            !name_from_table(window, strings, table, names.sh_offset, base, naming))
            return false;
    }
    return true;
}

} // namespace slicepatch
