// SPDX-License-Identifier: MIT
#include "symbols.h"

#include <cstdio>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace slicepatch {

namespace {

/// A file mapped for reading. Every access is checked against its size: it need not be the file that was loaded.
class MappedFile {
public:
    explicit MappedFile(const char *path)
    {
        const int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0)
            return;
        struct stat status;
        if (fstat(file, &status) == 0 && status.st_size > 0) {
            void *map = mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
            if (map != MAP_FAILED) {
                data_ = static_cast<const std::uint8_t *>(map);
                size_ = static_cast<std::size_t>(status.st_size);
            }
        }
        close(file);
    }
    MappedFile(const MappedFile &) = delete;
    MappedFile &operator=(const MappedFile &) = delete;
    ~MappedFile()
    {
        if (data_)
            munmap(const_cast<std::uint8_t *>(data_), size_);
    }

    template <class T> bool read(std::uint64_t offset, T &value) const
    {
        if (!data_ || offset > size_ || size_ - offset < sizeof value)
            return false;
        std::memcpy(&value, data_ + offset, sizeof value);
        return true;
    }

    /// The null-terminated string at offset, null if it does not end inside the file.
    [[nodiscard]] const char *string(std::uint64_t offset) const
    {
        if (!data_ || offset >= size_ || !std::memchr(data_ + offset, 0, size_ - offset))
            return nullptr;
        return reinterpret_cast<const char *>(data_ + offset);
    }

private:
    const std::uint8_t *data_ = nullptr;
    std::size_t size_ = 0;
};

const char *find_in_table(const MappedFile &file, const ElfW(Shdr) & table, std::uint64_t strings, ElfW(Addr) value)
{
    for (std::uint64_t at = 0; at + sizeof(ElfW(Sym)) <= table.sh_size; at += sizeof(ElfW(Sym))) {
        ElfW(Sym) symbol;
        if (!file.read(table.sh_offset + at, symbol))
            return nullptr;
        if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value == value && symbol.st_name)
            return file.string(strings + symbol.st_name);
    }
    return nullptr;
}

const char *find_name(const MappedFile &file, ElfW(Addr) value)
{
    ElfW(Ehdr) header;
    if (!file.read(0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) ||
        header.e_shentsize != sizeof(ElfW(Shdr)))
        return nullptr;
    for (unsigned type : {unsigned{SHT_SYMTAB}, unsigned{SHT_DYNSYM}}) {
        for (unsigned i = 0; i < header.e_shnum; ++i) {
            ElfW(Shdr) table, strings;
            if (!file.read(header.e_shoff + i * sizeof table, table) || table.sh_type != type ||
                !file.read(header.e_shoff + table.sh_link * sizeof strings, strings))
                continue;
            if (const char *name = find_in_table(file, table, strings.sh_offset, value))
                return name;
        }
    }
    return nullptr;
}

} // namespace

void find_function_name(const Object &object, std::uintptr_t address, char *name, std::size_t size)
{
    const MappedFile file(*object.name ? object.name : "/proc/self/exe");
    const char *found = address ? find_name(file, address - object.base) : nullptr;
    std::snprintf(name, size, "%s", found ? found : "");
}

} // namespace slicepatch
