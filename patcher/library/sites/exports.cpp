// SPDX-License-Identifier: MIT
#include "exports.h"

#include "image.h"

namespace slicepatch {

namespace {

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

} // namespace

void name_by_exports(const dl_phdr_info &object, Naming &naming)
{
    Exports(object).name(naming);
}

} // namespace slicepatch
