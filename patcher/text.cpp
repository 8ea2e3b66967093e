// SPDX-License-Identifier: MIT
#include "text.h"

#include "../arch/backend.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace slicepatch {

namespace {

std::uint8_t *at(std::uintptr_t address)
{
    return reinterpret_cast<std::uint8_t *>(address);
}

/// The word at its address, which other threads may be changing.
std::uint64_t read_word(const Edit &edit)
{
    return edit.size == 8 ? __atomic_load_n(reinterpret_cast<const std::uint64_t *>(edit.address), __ATOMIC_RELAXED)
                          : __atomic_load_n(reinterpret_cast<const std::uint32_t *>(edit.address), __ATOMIC_RELAXED);
}

/// By one store, which no instruction fetch can see half of.
void write_word(const Edit &edit)
{
    if (edit.size == 8)
        __atomic_store_n(reinterpret_cast<std::uint64_t *>(edit.address), edit.after, __ATOMIC_RELEASE);
    else
        __atomic_store_n(reinterpret_cast<std::uint32_t *>(edit.address), static_cast<std::uint32_t>(edit.after),
                         __ATOMIC_RELEASE);
}

const Edit *find_mismatch(std::span<const Edit> edits, std::uint64_t Edit::*word)
{
    for (const Edit &edit : edits)
        if (read_word(edit) != edit.*word)
            return &edit;
    return nullptr;
}

struct Mapping {
    std::uintptr_t begin, end;
    int protection;
};

/// Whether the page is guarded by landing pads, which only smaps tells of.
bool is_guarded(std::uintptr_t page)
{
    std::FILE *maps = std::fopen("/proc/self/smaps", "re");
    if (!maps)
        return false;
    char line[512];
    unsigned long begin = 0, end = 0;
    bool inside = false, guarded = false;
    while (std::fgets(line, sizeof line, maps)) {
        if (std::sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            inside = page >= begin && page < end;
        else if (inside && !std::strncmp(line, "VmFlags:", 8)) {
            guarded = std::strstr(line, " bt");
            break;
        }
    }
    std::fclose(maps);
    return guarded;
}

/// The mapping that holds a page, read from the kernel, so that its protection can be put back. Without /proc: the page
/// alone, with what text has.
Mapping find_mapping(std::uintptr_t page, std::size_t page_size)
{
    Mapping mapping{page, page + page_size, PROT_READ | PROT_EXEC};
    std::FILE *maps = std::fopen("/proc/self/maps", "re");
    if (!maps)
        return mapping;
    char line[512], permissions[5];
    unsigned long begin = 0, end = 0;
    while (std::fgets(line, sizeof line, maps)) {
        if (std::sscanf(line, "%lx-%lx %4s", &begin, &end, permissions) != 3 || page < begin || page >= end)
            continue;
        mapping = {begin, end,
                   (permissions[0] == 'r' ? PROT_READ : 0) | (permissions[1] == 'w' ? PROT_WRITE : 0) |
                       (permissions[2] == 'x' ? PROT_EXEC : 0)};
        break;
    }
    std::fclose(maps);
    if (const int guard = host_backend().guard_protection(); guard && is_guarded(page))
        mapping.protection |= guard;
    return mapping;
}

/// From the first edit to the last, in order of address.
struct Extent {
    std::uintptr_t begin = UINTPTR_MAX, end = 0;

    explicit Extent(std::span<const Edit> edits)
    {
        for (const Edit &edit : edits) {
            begin = std::min(begin, edit.address);
            end = std::max(end, edit.address + edit.size);
        }
    }
};

constexpr std::size_t max_page_size = 4096; // what fits a small stack; with larger pages, edit by edit

} // namespace

const char *writer_name(Writer writer)
{
    switch (writer) {
    case Writer::automatic:
        return "none";
    case Writer::procmem:
        return "procmem";
    case Writer::rwx:
        return "rwx";
    case Writer::live:
        return "live";
    }
    return "unknown";
}

SignalsBlocked::SignalsBlocked()
{
    sigset_t all;
    sigfillset(&all);
    blocked_ = sigprocmask(SIG_SETMASK, &all, &saved_) == 0;
}

SignalsBlocked::~SignalsBlocked()
{
    if (blocked_)
        sigprocmask(SIG_SETMASK, &saved_, nullptr);
}

ProcMem::~ProcMem()
{
    if (file_ >= 0)
        close(file_);
}

Status ProcMem::write(std::uintptr_t address, const void *bytes, std::size_t size)
{
    if (!opened_)
        file_ = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    opened_ = true;
    const ssize_t written = file_ < 0 ? -1 : pwrite(file_, bytes, size, static_cast<off_t>(address));
    return written == static_cast<ssize_t>(size) ? Status::ok : Status::write_refused;
}

WritableMapping::~WritableMapping()
{
    close();
}

bool WritableMapping::open(std::uintptr_t page, std::size_t page_size)
{
    if (page >= begin_ && page < end_)
        return true;
    close();
    const Mapping found = find_mapping(page, page_size);
    const std::uintptr_t begin = std::max(found.begin, first_), end = std::min(found.end, last_);
    if (mprotect(at(begin), end - begin, found.protection | PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return false;
    begin_ = begin;
    end_ = end;
    protection_ = found.protection;
    return true;
}

void WritableMapping::close()
{
    // Taking a permission away is never refused; if it were, the text would still run.
    if (end_)
        (void)mprotect(at(begin_), end_ - begin_, protection_);
    begin_ = end_ = 0;
}

TextWriter::TextWriter(Writer wanted, bool other_threads, bool live_allowed, const TextSpan &span)
    : page_size_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))), wanted_(other_threads ? Writer::live : wanted),
      live_allowed_(live_allowed), mapping_(page_of(span.first), page_of(span.last) + page_size_)
{
    // A copy through /proc/self/mem costs 2 to 4 us a page; making a mapping writable 20 us, and then 0.3 us a page
    // (measured). So a large program is written through its mapping, if that is allowed.
    constexpr std::size_t pages_worth_a_mapping = 64;
    const std::size_t pages = std::min((page_of(span.last) - page_of(span.first)) / page_size_ + 1, span.edits);
    prefers_mapping_ = wanted_ == Writer::automatic && pages > pages_worth_a_mapping;
}

void TextWriter::write(std::span<const Edit> edits)
{
    while (!edits.empty() && result_.status == Status::ok) {
        const std::uintptr_t page = page_of(edits[0].address);
        std::size_t count = 1;
        while (count < edits.size() && page_of(edits[count].address) == page)
            ++count;
        const Page run = edits.first(count);
        const Edit *failed = find_mismatch(run, &Edit::before);
        result_.status = failed ? Status::write_raced : write_page(run);
        if (const Extent written(run); result_.status == Status::ok)
            result_.status = host_backend().sync_text(written.begin, written.end);
        if (result_.status == Status::ok && (failed = find_mismatch(run, &Edit::after)))
            result_.status = Status::write_failed;
        if (result_.status == Status::ok)
            result_.written += count;
        else
            result_.failed_at = (failed ? failed : &run[0])->address;
        edits = edits.subspan(count);
    }
}

Status TextWriter::write_page(Page edits)
{
    if (wanted_ == Writer::live)
        return write_live(edits);
    const bool mapping_first = wanted_ == Writer::rwx || result_.used == Writer::rwx ||
                               (prefers_mapping_ && result_.used == Writer::automatic);
    const Status status = write_by(mapping_first ? Writer::rwx : Writer::procmem, edits);
    if (status == Status::ok || wanted_ != Writer::automatic || result_.used != Writer::automatic)
        return status;
    return write_by(mapping_first ? Writer::procmem : Writer::rwx, edits);
}

Status TextWriter::write_by(Writer writer, Page edits)
{
    const Status status = writer == Writer::procmem ? write_memory(edits) : write_mapping(edits);
    if (status == Status::ok)
        result_.used = writer;
    return status;
}

Status TextWriter::write_memory(Page edits)
{
    // Above this many edits a page, one copy of the page is cheaper than a system call for each (measured).
    constexpr std::size_t edits_worth_a_page = 4;
    if (edits.size() >= edits_worth_a_page && page_size_ <= max_page_size)
        return write_copy(edits);
    for (const Edit &edit : edits)
        if (Status status = memory_.write(edit.address, &edit.after, edit.size); status != Status::ok)
            return status;
    return Status::ok;
}

Status TextWriter::write_copy(Page edits)
{
    const Extent extent(edits); // what else is on the page need not be text
    alignas(64) std::uint8_t copy[max_page_size];
    std::memcpy(copy, at(extent.begin), extent.end - extent.begin);
    for (const Edit &edit : edits)
        std::memcpy(copy + (edit.address - extent.begin), &edit.after, edit.size);
    return memory_.write(extent.begin, copy, extent.end - extent.begin);
}

Status TextWriter::write_mapping(Page edits)
{
    if (!mapping_.open(page_of(edits[0].address), page_size_))
        return Status::write_refused;
    for (const Edit &edit : edits)
        write_word(edit);
    return Status::ok;
}

Status TextWriter::write_live(Page edits)
{
    if (!live_allowed_)
        return Status::live_not_proven;
    const Status status = write_by(Writer::rwx, edits);
    if (status == Status::ok)
        result_.used = Writer::live;
    return status == Status::write_refused ? Status::live_refused : status;
}

} // namespace slicepatch
