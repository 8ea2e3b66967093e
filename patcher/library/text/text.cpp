// SPDX-License-Identifier: MIT
#include "text.h"

#include "arch/backend.h"

#include <algorithm>
#include <cstring>
#include <unistd.h>

namespace slicepatch {

namespace {

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

constexpr std::size_t max_copy = 16 * 4096;   // a copy of 16 pages costs two thirds of 16 copies (measured)
constexpr std::size_t max_stack_copy = 4096;  // what fits a small stack
constexpr std::size_t edits_worth_a_copy = 4; // a page: above, one copy is cheaper than a call for each (measured)

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
        const Run run = edits.first(run_length(edits));
        const Status status = write_run(run);
        if ((status == Status::write_refused || status == Status::write_raced) && is_of_pages(run) && !pages_alone_) {
            pages_alone_ = true; // nothing of it is written: once more, where each page may go its own way
            result_.failed_at = 0;
            continue;
        }
        result_.status = status;
        if (status == Status::ok)
            result_.written += run.size();
        edits = edits.subspan(run.size());
    }
}

/// How many edits are written, synchronised and compared at once: those of a page. Where pages are copied, those of as
/// many in a row as one copy takes, if each of them is worth a copy.
std::size_t TextWriter::run_length(std::span<const Edit> edits) const
{
    const bool copied = result_.used == Writer::procmem && !pages_alone_;
    std::size_t count = 0;
    for (std::uintptr_t page = page_of(edits[0].address), end = page + max_copy;; page += page_size_) {
        const std::size_t begin = count;
        while (count < edits.size() && page_of(edits[count].address) == page)
            ++count;
        const bool more = copied && count - begin >= edits_worth_a_copy && count < edits.size() &&
                          page_of(edits[count].address) == page + page_size_ && page + 2 * page_size_ <= end &&
                          edits[count].address <= span_->last;
        if (!more)
            return count;
    }
}

bool TextWriter::is_of_pages(Run edits) const
{
    return page_of(edits.front().address) != page_of(edits.back().address);
}

Status TextWriter::write_run(Run edits)
{
    if (const Edit *changed = find_mismatch(edits, &Edit::before)) {
        result_.failed_at = changed->address;
        return Status::write_raced;
    }
    Status status = write_once(edits);
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

Status TextWriter::write_once(Run edits)
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
    if ((status != Status::write_refused && status != Status::protection_unknown) || is_of_pages(edits))
        return status;
    refused_ = first;
    return write_by(mapping_first ? Writer::procmem : Writer::rwx, edits);
}

Status TextWriter::write_by(Writer writer, Run edits)
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
bool TextWriter::put_back(Run edits)
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

Status TextWriter::write_memory(Run edits)
{
    const Extent extent(edits); // what else is on its pages need not be text
    const std::size_t size = extent.end - extent.begin;
    if (edits.size() >= edits_worth_a_copy && size <= max_stack_copy) {
        alignas(64) std::uint8_t copy[max_stack_copy];
        return write_copy(edits, extent.begin, {copy, size});
    }
    if (edits.size() >= edits_worth_a_copy && size <= max_copy && copy_.reserve(max_copy) == Status::ok)
        return write_copy(edits, extent.begin, {copy_.begin(), size});
    for (const Edit &edit : edits)
        if (Status status = memory_.write(edit.address, &edit.after, edit.size); status != Status::ok)
            return status;
    return Status::ok;
}

Status TextWriter::write_copy(Run edits, std::uintptr_t begin, std::span<std::uint8_t> copy)
{
    std::memcpy(copy.data(), reinterpret_cast<const void *>(begin), copy.size());
    for (const Edit &edit : edits)
        std::memcpy(copy.data() + (edit.address - begin), &edit.after, edit.size);
    return memory_.write(begin, copy.data(), copy.size());
}

Status TextWriter::write_mapping(Run edits)
{
    if (Status status = mapping_.open(edits[0].address, page_size_, *span_); status != Status::ok)
        return status;
    for (const Edit &edit : edits)
        write_word(edit);
    return Status::ok;
}

Status TextWriter::write_live(Run edits)
{
    if (!live_allowed_)
        return Status::live_not_proven;
    const Status status = write_by(Writer::rwx, edits);
    if (status == Status::ok)
        result_.used = Writer::live;
    return status == Status::write_refused ? Status::live_refused : status;
}

} // namespace slicepatch
