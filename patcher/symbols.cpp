// SPDX-License-Identifier: MIT
#include "symbols.h"

#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace slicepatch {

namespace {

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

MappedFile::MappedFile(const char *path)
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

MappedFile::~MappedFile()
{
    if (data_)
        munmap(const_cast<std::uint8_t *>(data_), size_);
}

const char *MappedFile::string(std::uint64_t offset) const
{
    if (!data_ || offset >= size_ || !std::memchr(data_ + offset, 0, size_ - offset))
        return nullptr;
    return reinterpret_cast<const char *>(data_ + offset);
}

FunctionName::FunctionName(const Object &object, std::uintptr_t address)
{
    const MappedFile file(*object.name ? object.name : "/proc/self/exe");
    if (const char *found = address ? find_name(file, address - object.base) : nullptr)
        name_ = strndup(found, std::strcspn(found, "."));
}

FunctionName::~FunctionName()
{
    std::free(name_);
}

} // namespace slicepatch
