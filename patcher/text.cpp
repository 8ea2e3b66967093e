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

/// What a page may be used for, read from the kernel, so that it can be put back.
int find_protection(std::uintptr_t page)
{
    std::FILE *maps = std::fopen("/proc/self/maps", "re");
    if (!maps)
        return PROT_READ | PROT_EXEC; // what text has
    int protection = PROT_READ | PROT_EXEC;
    char line[512], permissions[5];
    unsigned long begin = 0, end = 0;
    while (std::fgets(line, sizeof line, maps)) {
        if (std::sscanf(line, "%lx-%lx %4s", &begin, &end, permissions) != 3 || page < begin || page >= end)
            continue;
        protection = (permissions[0] == 'r' ? PROT_READ : 0) | (permissions[1] == 'w' ? PROT_WRITE : 0) |
                     (permissions[2] == 'x' ? PROT_EXEC : 0);
        break;
    }
    std::fclose(maps);
    return protection;
}

/// One page made writable, for its own lifetime.
class WritablePage {
public:
    WritablePage(std::uintptr_t page, std::size_t size) : page_(page), size_(size), protection_(find_protection(page))
    {
        granted_ = mprotect(at(page_), size_, protection_ | PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
    }
    WritablePage(const WritablePage &) = delete;
    WritablePage &operator=(const WritablePage &) = delete;
    ~WritablePage()
    {
        // Taking a permission away is never refused; if it were, the page would still run.
        if (granted_)
            (void)mprotect(at(page_), size_, protection_);
    }
    [[nodiscard]] bool granted() const
    {
        return granted_;
    }

private:
    std::uintptr_t page_;
    std::size_t size_;
    int protection_;
    bool granted_ = false;
};

/// One store that no instruction fetch can see half of.
template <class Word> void store_whole(const Edit &edit)
{
    Word word;
    std::memcpy(&word, edit.after, sizeof word);
    __atomic_store_n(reinterpret_cast<Word *>(edit.address), word, __ATOMIC_RELEASE);
}

Status write_through_mapping(const PageEdits &run)
{
    const WritablePage page(run.page, run.page_size);
    if (!page.granted())
        return Status::write_refused;
    for (const Edit *edit = run.begin; edit != run.end; ++edit)
        edit->size == 8 ? store_whole<std::uint64_t>(*edit) : store_whole<std::uint32_t>(*edit);
    return Status::ok;
}

/// Chooses a writer at the first page and keeps to it.
class TextWriter {
public:
    TextWriter(Writer wanted, bool other_threads, bool live_allowed)
        : wanted_(other_threads ? Writer::live : wanted), live_allowed_(live_allowed)
    {
    }

    Status write(const PageEdits &run, Writer &used)
    {
        if (wanted_ == Writer::live)
            return write_live(run, used);
        if (wanted_ != Writer::rwx && used != Writer::rwx) {
            const Status status = memory_.write(run);
            if (status == Status::ok || wanted_ == Writer::procmem || used == Writer::procmem) {
                used = status == Status::ok ? Writer::procmem : used;
                return status;
            }
        }
        const Status status = write_through_mapping(run);
        used = status == Status::ok ? Writer::rwx : used;
        return status;
    }

private:
    [[nodiscard]] Status write_live(const PageEdits &run, Writer &used) const
    {
        if (!live_allowed_)
            return Status::live_not_proven;
        const Status status = write_through_mapping(run);
        used = status == Status::ok ? Writer::live : used;
        return status == Status::write_refused ? Status::live_refused : status;
    }

    Writer wanted_;
    bool live_allowed_;
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
    TextWriter writer(wanted, other_threads, live_allowed);
    const SignalsBlocked blocked;
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
