// SPDX-License-Identifier: MIT
//
// Writes to the program's own text. Three writers, for what a process may be allowed to do:
//
//   procmem  /proc/self/mem, which ignores page protection: text stays r-x and keeps its file's name in every profile.
//            Works under PR_SET_MDWE and on sealed mappings. Copies bytes, so only while no other thread runs.
//            Copies page by page, so that a large program is written by the next one where that is allowed.
//   rwx      makes the pages writable for a moment, executable all the time: never PROT_READ|PROT_WRITE alone, since
//   the
//            page may hold the code that is running, and under PR_SET_MDWE it could not be made executable again.
//   live     the same, by one aligned store for each edit, while other threads may execute the very bytes.
#ifndef SLICEPATCH_TEXT_H
#define SLICEPATCH_TEXT_H

#include "../arch/status.h"

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>

namespace slicepatch {

/// One word of the text. address is a multiple of size.
struct Edit {
    std::uintptr_t address;
    std::uint64_t before, after; // as loaded from there; of 4 bytes, the upper half is 0
    std::uint8_t size;           // 4 or 8
};

enum class Writer : std::uint8_t { automatic, procmem, rwx, live };
const char *writer_name(Writer writer);

/// The text that one call may write to: from the first byte to the last, and an estimate of how much of it changes.
struct TextSpan {
    std::uintptr_t first, last;
    std::size_t edits;
};

/// How many edits were done; fewer than all only together with an error.
struct WriteResult {
    Status status = Status::ok;
    Writer used = Writer::automatic; // automatic: nothing was written
    std::size_t written = 0;
    std::uintptr_t failed_at = 0; // address of the first edit that was not
};

/// Keeps signal handlers from running in this thread.
class SignalsBlocked {
public:
    SignalsBlocked();
    SignalsBlocked(const SignalsBlocked &) = delete;
    SignalsBlocked &operator=(const SignalsBlocked &) = delete;
    ~SignalsBlocked();

private:
    sigset_t saved_;
    bool blocked_;
};

/// The process's own memory, opened when it is first written to.
class ProcMem {
public:
    ProcMem() = default;
    ProcMem(const ProcMem &) = delete;
    ProcMem &operator=(const ProcMem &) = delete;
    ~ProcMem();
    Status write(std::uintptr_t address, const void *bytes, std::size_t size);

private:
    int file_ = -1;
    bool opened_ = false;
};

/// The part of a mapping that holds edits, made writable until another one is asked for or the writer is done.
class WritableMapping {
public:
    /// Nothing outside [first, last) is ever made writable.
    WritableMapping(std::uintptr_t first, std::uintptr_t last) : first_(first), last_(last) {}
    WritableMapping(const WritableMapping &) = delete;
    WritableMapping &operator=(const WritableMapping &) = delete;
    ~WritableMapping();
    /// Whether the page can be written through now.
    [[nodiscard]] bool open(std::uintptr_t page, std::size_t page_size);

private:
    void close();

    std::uintptr_t first_, last_;
    std::uintptr_t begin_ = 0, end_ = 0;
    int protection_ = 0;
};

/// Writes until the first failure, and puts back what it changed besides the text when it goes. Chooses a writer at the
/// first page and keeps to it. For callers that keep signals blocked: a handler might run half-written sites. `live` is
/// used in place of any other when other threads run; live_allowed says whether this CPU tolerates it.
class TextWriter {
public:
    TextWriter(Writer wanted, bool other_threads, bool live_allowed, const TextSpan &span);

    /// Does the edits in their order, in runs of one page: each run is compared with `before` right before it is
    /// written, then synchronised with instruction fetch, and compared with `after`. No word may be edited twice. After a
    /// failure nothing more is written.
    void write(std::span<const Edit> edits);
    [[nodiscard]] const WriteResult &result() const
    {
        return result_;
    }

private:
    using Page = std::span<const Edit>; // edits of one page
    Status write_page(Page edits);
    Status write_by(Writer writer, Page edits);
    Status write_memory(Page edits);
    Status write_copy(Page edits);
    Status write_mapping(Page edits);
    Status write_live(Page edits);
    [[nodiscard]] std::uintptr_t page_of(std::uintptr_t address) const
    {
        return address & ~(std::uintptr_t{page_size_} - 1);
    }

    std::size_t page_size_;
    Writer wanted_;
    bool live_allowed_;
    bool prefers_mapping_;
    WritableMapping mapping_;
    ProcMem memory_;
    WriteResult result_;
};

} // namespace slicepatch

#endif
