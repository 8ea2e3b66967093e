// SPDX-License-Identifier: MIT
#include "symbols.h"

#include "patcher/library/base/array.h"
#include "image.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace slicepatch {

namespace {

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
bool is_function(const ElfW(Sym) & symbol)
{
    const unsigned type = ELF64_ST_TYPE(symbol.st_info);
    return (type == STT_FUNC || (type == STT_NOTYPE && symbol.st_size)) && symbol.st_shndx != SHN_UNDEF &&
           symbol.st_name;
}

/// The symbols that an object exports. What its dynamic section says is checked against its segments.
class Exports {
public:
    explicit Exports(const dl_phdr_info &object) : object_(object), image_(object)
    {
        for (int i = 0; i < object.dlpi_phnum; ++i)
            if (object.dlpi_phdr[i].p_type == PT_DYNAMIC)
                read_dynamic(object.dlpi_addr + object.dlpi_phdr[i].p_vaddr, object.dlpi_phdr[i].p_memsz);
    }

    void name(Naming &naming) const
    {
        const std::size_t count = count_symbols();
        if (!image_.contains(symbols_, count * sizeof(ElfW(Sym)), PF_R) || !image_.contains(strings_, size_, PF_R))
            return;
        Name name;
        for (std::size_t i = 0; i < count && !naming.done(); ++i) {
            ElfW(Sym) symbol;
            std::memcpy(&symbol, at(symbols_ + i * sizeof symbol), sizeof symbol);
            if (!is_function(symbol) || symbol.st_name >= size_)
                continue;
            const std::span<Function> named = naming.find(object_.dlpi_addr + symbol.st_value, symbol.st_size);
            if (named.empty())
                continue;
            const std::uint8_t *text = at(strings_ + symbol.st_name);
            const auto *end = static_cast<const std::uint8_t *>(std::memchr(text, 0, size_ - symbol.st_name));
            name.clear();
            if (end && name.append(text, static_cast<std::size_t>(end + 1 - text)) == Status::ok)
                naming.name(named, name);
        }
    }

private:
    static const std::uint8_t *at(std::uintptr_t address)
    {
        return reinterpret_cast<const std::uint8_t *>(address);
    }

    void read_dynamic(std::uintptr_t begin, std::size_t size)
    {
        if (!image_.contains(begin, size, PF_R))
            return;
        for (std::size_t offset = 0; offset + sizeof(ElfW(Dyn)) <= size; offset += sizeof(ElfW(Dyn))) {
            ElfW(Dyn) entry;
            std::memcpy(&entry, at(begin + offset), sizeof entry);
            if (entry.d_tag == DT_NULL)
                break;
            if (entry.d_tag == DT_SYMTAB)
                symbols_ = address_of(entry);
            else if (entry.d_tag == DT_STRTAB)
                strings_ = address_of(entry);
            else if (entry.d_tag == DT_STRSZ)
                size_ = entry.d_un.d_val;
            else if (entry.d_tag == DT_HASH)
                hash_ = address_of(entry);
            else if (entry.d_tag == DT_GNU_HASH)
                gnu_hash_ = address_of(entry);
        }
    }

    /// glibc turns link-time addresses into real ones in place, musl does not.
    [[nodiscard]] std::uintptr_t address_of(const ElfW(Dyn) & entry) const
    {
        const std::uintptr_t value = entry.d_un.d_ptr;
        return image_.contains(value, 1, PF_R) ? value : object_.dlpi_addr + value;
    }

    [[nodiscard]] std::uint32_t word(std::uintptr_t address) const
    {
        std::uint32_t value = 0;
        if (image_.contains(address, sizeof value, PF_R))
            std::memcpy(&value, at(address), sizeof value);
        return value;
    }

    /// Nobody says how many there are but the hash tables. The newer one (binutils, "DT_GNU_HASH") has buckets of first
    /// symbols, in the order of the table, and ends the last one's chain with an odd word; a bad address ends it, too.
    [[nodiscard]] std::size_t count_symbols() const
    {
        if (hash_)
            return word(hash_ + 4);
        if (!gnu_hash_)
            return 0;
        const std::uint32_t buckets = word(gnu_hash_), first = word(gnu_hash_ + 4), blooms = word(gnu_hash_ + 8);
        const std::uintptr_t bucket = gnu_hash_ + 16 + std::uintptr_t{blooms} * sizeof(ElfW(Addr));
        const std::uintptr_t chain = bucket + std::uintptr_t{buckets} * 4;
        if (!image_.contains(bucket, std::size_t{buckets} * 4, PF_R))
            return 0;
        std::uint32_t last = 0;
        for (std::uint32_t i = 0; i < buckets; ++i)
            last = std::max(last, word(bucket + std::uintptr_t{i} * 4));
        if (last < first)
            return 0;
        const auto link = [&](std::uint32_t symbol) { return chain + std::uintptr_t{symbol - first} * 4; };
        while (image_.contains(link(last), 4, PF_R) && !(word(link(last)) & 1))
            ++last;
        return std::size_t{last} + 1;
    }

    const dl_phdr_info &object_;
    Image image_;
    std::uintptr_t symbols_ = 0, strings_ = 0, hash_ = 0, gnu_hash_ = 0;
    std::size_t size_ = 0; // of the strings
};

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

/// Whether the file could be understood, with or without a table of symbols.
bool name_from_file(int file, ElfW(Addr) base, Naming &naming)
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

/// The file that an object was loaded from, wherever it is by now; -1 if it is nowhere.
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

} // namespace

bool name_functions(const dl_phdr_info &object, Maps &maps, std::span<Function> functions, const NameVisitor &visitor)
{
    Naming naming(functions, visitor);
    Exports(object).name(naming);
    if (naming.done())
        return true;
    const int file = open_object(object, maps);
    if (file < 0)
        return false;
    const bool read = name_from_file(file, object.dlpi_addr, naming);
    close(file);
    return read;
}

} // namespace slicepatch
