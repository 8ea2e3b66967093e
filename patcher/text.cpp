// SPDX-License-Identifier: MIT
#include "text.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

namespace slicepatch {

namespace {

/// A run of edits on one page, and the page.
struct PageEdits {
    const Edit *begin;
    const Edit *end;
    std::uintptr_t page;
    std::size_t page_size;
};

std::uint8_t *at(std::uintptr_t address)
{
    return reinterpret_cast<std::uint8_t *>(address);
}

bool reads(const Edit &edit, const std::uint8_t (&bytes)[8])
{
    // Of fixed sizes, which the compiler turns into one comparison.
    return edit.size == 8 ? !std::memcmp(at(edit.address), bytes, 8) : !std::memcmp(at(edit.address), bytes, 4);
}

const Edit *find_mismatch(const PageEdits &run, const std::uint8_t (Edit::*bytes)[8])
{
    for (const Edit *edit = run.begin; edit != run.end; ++edit)
        if (!reads(*edit, edit->*bytes))
            return edit;
    return nullptr;
}

/// Keeps signal handlers of this thread from running half-written sites.
class SignalsBlocked {
public:
    SignalsBlocked()
    {
        sigset_t all;
        sigfillset(&all);
        blocked_ = sigprocmask(SIG_SETMASK, &all, &saved_) == 0;
    }
    SignalsBlocked(const SignalsBlocked &) = delete;
    SignalsBlocked &operator=(const SignalsBlocked &) = delete;
    ~SignalsBlocked()
    {
        if (blocked_)
            sigprocmask(SIG_SETMASK, &saved_, nullptr);
    }

private:
    sigset_t saved_;
    bool blocked_ = false;
};

class ProcMem {
public:
    ProcMem() : file_(open("/proc/self/mem", O_RDWR | O_CLOEXEC)) {}
    ProcMem(const ProcMem &) = delete;
    ProcMem &operator=(const ProcMem &) = delete;
    ~ProcMem()
    {
        if (file_ >= 0)
            close(file_);
    }

    [[nodiscard]] Status write(const PageEdits &run) const
    {
        // Above this many edits a page, one copy of the page is cheaper than a system call for each (measured).
        constexpr std::ptrdiff_t edits_worth_a_page = 4;
        if (run.end - run.begin >= edits_worth_a_page && run.page_size <= max_page_size)
            return write_page(run);
        for (const Edit *edit = run.begin; edit != run.end; ++edit)
            if (Status status = write_bytes(edit->address, edit->after, edit->size); status != Status::ok)
                return status;
        return Status::ok;
    }

private:
    static constexpr std::size_t max_page_size = 4096; // what fits a small stack; with larger pages, edit by edit

    [[nodiscard]] Status write_page(const PageEdits &run) const
    {
        alignas(64) std::uint8_t copy[max_page_size];
        std::memcpy(copy, at(run.page), run.page_size);
        std::size_t first = run.page_size, last = 0;
        for (const Edit *edit = run.begin; edit != run.end; ++edit) {
            const std::size_t offset = edit->address - run.page;
            std::memcpy(copy + offset, edit->after, edit->size);
            first = std::min(first, offset);
            last = std::max(last, offset + edit->size);
        }
        return write_bytes(run.page + first, copy + first, last - first);
    }

    [[nodiscard]] Status write_bytes(std::uintptr_t address, const std::uint8_t *bytes, std::size_t size) const
    {
        const ssize_t written = file_ < 0 ? -1 : pwrite(file_, bytes, size, static_cast<off_t>(address));
        return written == static_cast<ssize_t>(size) ? Status::ok : Status::write_refused;
    }

    int file_;
};

struct Mapping {
    std::uintptr_t begin, end;
    int protection;
};

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
    return mapping;
}

/// The part of a mapping that holds edits, made writable until another one is asked for or the writer is done.
class WritableMapping {
public:
    /// Nothing outside [first, last) is ever made writable.
    WritableMapping(std::uintptr_t first, std::uintptr_t last) : first_(first), last_(last)
    {
    }
    WritableMapping(const WritableMapping &) = delete;
    WritableMapping &operator=(const WritableMapping &) = delete;
    ~WritableMapping()
    {
        close();
    }

    /// Whether the page can be written through now.
    [[nodiscard]] bool open(std::uintptr_t page, std::size_t page_size)
    {
        if (page >= mapping_.begin && page < mapping_.end)
            return true;
        close();
        const Mapping found = find_mapping(page, page_size);
        const std::uintptr_t begin = std::max(found.begin, first_), end = std::min(found.end, last_);
        if (mprotect(at(begin), end - begin, found.protection | PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
            return false;
        mapping_ = {begin, end, found.protection};
        return true;
    }

private:
    void close()
    {
        // Taking a permission away is never refused; if it were, the text would still run.
        if (mapping_.end)
            (void)mprotect(at(mapping_.begin), mapping_.end - mapping_.begin, mapping_.protection);
        mapping_ = {};
    }

    std::uintptr_t first_, last_;
    Mapping mapping_{};
};

/// One store that no instruction fetch can see half of.
template <class Word> void store_whole(const Edit &edit)
{
    Word word;
    std::memcpy(&word, edit.after, sizeof word);
    __atomic_store_n(reinterpret_cast<Word *>(edit.address), word, __ATOMIC_RELEASE);
}

/// The pages from the first edit to the last.
struct Span {
    std::uintptr_t first, last;
};

Span find_span(const Array<Edit> &edits, std::size_t page_size)
{
    Span span{edits[0].address, edits[0].address};
    for (const Edit &edit : edits)
        span = {std::min(span.first, edit.address), std::max(span.last, edit.address)};
    return {span.first / page_size * page_size, (span.last / page_size + 1) * page_size};
}

/// Chooses a writer at the first page and keeps to it.
class TextWriter {
public:
    TextWriter(Writer wanted, bool other_threads, bool live_allowed, const Span &span, std::size_t pages)
        : wanted_(other_threads ? Writer::live : wanted), live_allowed_(live_allowed), mapping_(span.first, span.last)
    {
        // A copy through /proc/self/mem costs 2 to 4 us a page; making a mapping writable 20 us, and then 0.3 us a page
        // (measured). So a large program is written through its mapping, if that is allowed.
        constexpr std::size_t pages_worth_a_mapping = 64;
        prefers_mapping_ = wanted_ == Writer::automatic && pages > pages_worth_a_mapping;
    }

    Status write(const PageEdits &run, Writer &used)
    {
        if (wanted_ == Writer::live)
            return write_live(run, used);
        const bool mapping_first = wanted_ == Writer::rwx || used == Writer::rwx ||
                                   (prefers_mapping_ && used == Writer::automatic);
        const Writer first = mapping_first ? Writer::rwx : Writer::procmem;
        const Status status = write_by(first, run, used);
        if (status == Status::ok || wanted_ != Writer::automatic || used != Writer::automatic)
            return status;
        return write_by(mapping_first ? Writer::procmem : Writer::rwx, run, used);
    }

private:
    Status write_by(Writer writer, const PageEdits &run, Writer &used)
    {
        const Status status = writer == Writer::procmem ? memory_.write(run) : write_through_mapping(run);
        used = status == Status::ok ? writer : used;
        return status;
    }

    Status write_through_mapping(const PageEdits &run)
    {
        if (!mapping_.open(run.page, run.page_size))
            return Status::write_refused;
        for (const Edit *edit = run.begin; edit != run.end; ++edit)
            edit->size == 8 ? store_whole<std::uint64_t>(*edit) : store_whole<std::uint32_t>(*edit);
        return Status::ok;
    }

    [[nodiscard]] Status write_live(const PageEdits &run, Writer &used)
    {
        if (!live_allowed_)
            return Status::live_not_proven;
        const Status status = write_through_mapping(run);
        used = status == Status::ok ? Writer::live : used;
        return status == Status::write_refused ? Status::live_refused : status;
    }

    Writer wanted_;
    bool live_allowed_;
    bool prefers_mapping_;
    WritableMapping mapping_;
    ProcMem memory_;
};

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

WriteResult write_edits(const Array<Edit> &edits, Writer wanted, bool other_threads, bool live_allowed)
{
    WriteResult result;
    if (edits.empty())
        return result;
    const auto page_size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const Span span = find_span(edits, page_size);
    const SignalsBlocked blocked;
    TextWriter writer(wanted, other_threads, live_allowed, span,
                      std::min((span.last - span.first) / page_size, edits.size()));
    for (const Edit *begin = edits.begin(); begin != edits.end();) {
        const Edit *end = begin + 1;
        while (end != edits.end() && end->address / page_size == begin->address / page_size)
            ++end;
        const PageEdits run{begin, end, begin->address / page_size * page_size, page_size};
        const Edit *failed = find_mismatch(run, &Edit::before);
        result.status = failed ? Status::write_raced : writer.write(run, result.used);
        if (result.status == Status::ok && (failed = find_mismatch(run, &Edit::after)))
            result.status = Status::write_failed;
        if (result.status != Status::ok) {
            result.failed_at = (failed ? failed : begin)->address;
            return result;
        }
        result.written += static_cast<std::size_t>(end - begin);
        begin = end;
    }
    return result;
}

} // namespace slicepatch
