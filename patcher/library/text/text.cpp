// SPDX-License-Identifier: MIT
#include "text.h"

#include "arch/backend.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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

struct SegmentSearch {
    std::uintptr_t begin, end; // of the page
    unsigned flags;            // of the program header; 0: none
};

int visit_segments(dl_phdr_info *info, std::size_t, void *data)
{
    auto &search = *static_cast<SegmentSearch *>(data);
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr) &segment = info->dlpi_phdr[i];
        const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
        if (segment.p_type == PT_LOAD && segment.p_flags & PF_X && begin < search.end &&
            begin + segment.p_memsz > search.begin)
            search.flags = segment.p_flags;
    }
    return search.flags != 0;
}

/// How the loader was told to map the page.
bool find_segment(std::uintptr_t page, std::size_t page_size, Mapping &mapping)
{
    SegmentSearch search{page, page + page_size, 0};
    dl_iterate_phdr(visit_segments, &search);
    mapping.begin = search.begin;
    mapping.end = search.end;
    mapping.protection = (search.flags & PF_R ? PROT_READ : 0) | (search.flags & PF_W ? PROT_WRITE : 0) |
                         (search.flags & PF_X ? PROT_EXEC : 0);
    return search.flags != 0;
}

/// The mapping that holds a page, so that its protection can be put back. Without /proc: the page alone, with the
/// protection of its program header, unless it may have a guard, which no program header has.
///
/// maps gives the mapping, guards (smaps) the guard and nothing else: emulators of processes answer maps for the
/// emulated program, but smaps for themselves.
Status find_mapping(Maps &maps, Maps &guards, std::uintptr_t page, std::size_t page_size, Mapping &mapping)
{
    Mapping guarded;
    const int guard = host_backend().guard_protection();
    switch (maps.find(page, mapping)) {
    case Maps::Answer::found:
        if (guard && guards.find(page, guarded) != Maps::Answer::found)
            return Status::protection_unknown;
        mapping.protection |= guarded.protection & guard;
        mapping.end = guard ? std::min(mapping.end, guarded.end) : mapping.end;
        return Status::ok;
    case Maps::Answer::absent:
        return Status::write_refused;
    case Maps::Answer::unreadable:
        break;
    }
    return !guard && find_segment(page, page_size, mapping) ? Status::ok : Status::protection_unknown;
}

/// By either of two calls that do the same (mprotect(2), pkey 0xffffffff): a filter may know one of them only.
bool protect(std::uintptr_t begin, std::uintptr_t end, int protection)
{
    return mprotect(at(begin), end - begin, protection) == 0 ||
           syscall(SYS_pkey_mprotect, begin, end - begin, protection, -1) == 0;
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
    for (std::size_t done = 0; done < size;) {
        const ssize_t written = file_ < 0 ? -1
                                          : pwrite(file_, static_cast<const std::uint8_t *>(bytes) + done, size - done,
                                                   static_cast<off_t>(address + done));
        if (written <= 0 && !(written < 0 && errno == EINTR))
            return Status::write_refused;
        done += written > 0 ? static_cast<std::size_t>(written) : 0;
    }
    return Status::ok;
}

WritableMapping::WritableMapping() : guards_(Maps::own_with_flags, host_backend().guard_protection()) {}

WritableMapping::~WritableMapping()
{
    close();
}

Status WritableMapping::open(std::uintptr_t address, std::size_t page_size, const TextSpan &span)
{
    if (address >= begin_ && address < end_)
        return Status::ok;
    close();
    const std::uintptr_t in_page = page_size - 1;
    Mapping found;
    if (Status status = find_mapping(maps_, guards_, address & ~in_page, page_size, found); status != Status::ok)
        return status;
    const std::uintptr_t begin = std::max(found.begin, span.first & ~in_page);
    const std::uintptr_t end = std::min(found.end, (span.last | in_page) + 1);
    if (mprotect(at(begin), end - begin, found.protection | PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return Status::write_refused;
    begin_ = begin;
    end_ = end;
    opened_for_ = address;
    protection_ = found.protection;
    return Status::ok;
}

void WritableMapping::close()
{
    if (end_ && !protect(begin_, end_, protection_) && !lost_)
        lost_ = opened_for_;
    begin_ = end_ = 0;
}

TextWriter::TextWriter(Writer wanted, bool other_threads, bool live_allowed, std::span<const TextSpan> spans)
    : page_size_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))), wanted_(other_threads ? Writer::live : wanted),
      live_allowed_(live_allowed), spans_(spans)
{
}

bool TextWriter::find_span(std::uintptr_t address)
{
    const auto holds = [&](const TextSpan *span) { return address >= span->first && address <= span->last; };
    if (span_ && holds(span_))
        return true;
    const auto behind = std::upper_bound(spans_.begin(), spans_.end(), address,
                                         [](std::uintptr_t a, const TextSpan &b) { return a < b.first; });
    span_ = behind == spans_.begin() ? nullptr : &*(behind - 1);
    return span_ && holds(span_);
}

/// A copy through /proc/self/mem costs 2 to 4 us a page; making a mapping writable 20 us, and then 0.3 us a page
/// (measured). So an object with many pages is written through its mapping, if that is allowed.
bool TextWriter::prefers_mapping() const
{
    constexpr std::size_t pages_worth_a_mapping = 64;
    const std::size_t pages = (page_of(span_->last) - page_of(span_->first)) / page_size_ + 1;
    return std::min(pages, span_->edits) > pages_worth_a_mapping;
}

void TextWriter::write(std::span<const Edit> edits)
{
    while (!edits.empty() && result_.status == Status::ok) {
        const std::uintptr_t page = page_of(edits[0].address);
        std::size_t count = 1;
        while (count < edits.size() && page_of(edits[count].address) == page)
            ++count;
        result_.status = write_run(edits.first(count));
        if (result_.status == Status::ok)
            result_.written += count;
        edits = edits.subspan(count);
    }
}

Status TextWriter::write_run(Page edits)
{
    if (const Edit *changed = find_mismatch(edits, &Edit::before)) {
        result_.failed_at = changed->address;
        return Status::write_raced;
    }
    Status status = write_page(edits);
    const Extent extent(edits);
    if (Status synced = host_backend().sync_text(extent.begin, extent.end); status == Status::ok)
        status = synced;
    const Edit *failed = status == Status::ok ? find_mismatch(edits, &Edit::after) : &edits[0];
    if (failed)
        result_.failed_at = failed->address;
    return failed && status == Status::ok ? Status::write_failed : status;
}

const WriteResult &TextWriter::finish()
{
    mapping_.close();
    if (result_.status == Status::ok && mapping_.lost()) {
        result_.status = Status::protection_lost;
        result_.failed_at = mapping_.lost();
    }
    return result_;
}

Status TextWriter::write_page(Page edits)
{
    if (!find_span(edits[0].address))
        return Status::write_refused;
    if (wanted_ == Writer::live)
        return write_live(edits);
    if (wanted_ != Writer::automatic)
        return write_by(wanted_, edits);
    const bool mapping_first = refused_ == Writer::automatic ? prefers_mapping() : refused_ == Writer::procmem;
    const Writer first = mapping_first ? Writer::rwx : Writer::procmem;
    const Status status = write_by(first, edits);
    if (status != Status::write_refused && status != Status::protection_unknown)
        return status;
    refused_ = first;
    return write_by(mapping_first ? Writer::procmem : Writer::rwx, edits);
}

Status TextWriter::write_by(Writer writer, Page edits)
{
    const Status status = writer == Writer::procmem ? write_memory(edits) : write_mapping(edits);
    if (writer == Writer::procmem && status != Status::ok && !put_back(edits))
        return Status::write_failed;
    if (status == Status::ok && result_.used != Writer::rwx)
        result_.used = writer;
    return status;
}

/// Takes back what a copy that stopped somewhere, in the middle of a word even, has written; whether nothing is left of
/// it. Nobody else runs then, so that any order will do.
bool TextWriter::put_back(Page edits)
{
    for (const Edit &edit : edits) {
        if (read_word(edit) == edit.before || memory_.write(edit.address, &edit.before, edit.size) == Status::ok)
            continue;
        if (mapping_.open(edit.address, page_size_, *span_) != Status::ok)
            return false;
        write_word({edit.address, edit.after, edit.before, edit.size});
    }
    return true;
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
    if (Status status = mapping_.open(edits[0].address, page_size_, *span_); status != Status::ok)
        return status;
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
