// SPDX-License-Identifier: MIT
//
// Writes to the program's own text. Three writers, for what a process may be allowed to do:
//
//   procmem  /proc/self/mem, which ignores page protection: text stays r-x and keeps its file's name in every profile.
//            Works under PR_SET_MDWE and on sealed mappings. Copies bytes, so only while no other thread runs.
//            Copies page by page, so that a large object is written by the next one where that is allowed.
//   rwx      makes the pages writable for a moment, executable all the time: never PROT_READ|PROT_WRITE alone, since
//            the page may hold the code that is running, and under PR_SET_MDWE it could not be made executable again.
//   live     the same, by one aligned store for each edit, while other threads may execute the very bytes.
#ifndef SLICEPATCH_TEXT_H
#define SLICEPATCH_TEXT_H

#include "arch/status.h"
#include "patcher/library/base/maps.h"

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

/// The text of one object that may be written to: from the first byte to the last, and an estimate of how much of it
/// changes.
struct TextSpan {
    std::uintptr_t first, last;
    std::size_t edits;
};

/// How many edits were done; fewer than all only together with an error.
struct WriteResult {
    Status status = Status::ok;
    Writer used = Writer::automatic; // rwx, if that was one of several; automatic: nothing was written
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
    /// On write_refused some of the bytes may have been written.
    Status write(std::uintptr_t address, const void *bytes, std::size_t size);

private:
    int file_ = -1;
    bool opened_ = false;
};

/// The part of a mapping that holds edits, made writable until another one is asked for.
class WritableMapping {
public:
    WritableMapping();
    WritableMapping(const WritableMapping &) = delete;
    WritableMapping &operator=(const WritableMapping &) = delete;
    ~WritableMapping();
    /// Makes the page of address writable, and with it what else of span is in its mapping. Nothing outside of both.
    Status open(std::uintptr_t address, std::size_t page_size, const TextSpan &span);
    /// Puts the protection back.
    void close();
    /// The first address that it was opened for and could not be closed again, 0 if there is none. That is no reason to
    /// leave other writes half done.
    [[nodiscard]] std::uintptr_t lost() const
    {
        return lost_;
    }

private:
    Maps maps_, guards_;
    std::uintptr_t begin_ = 0, end_ = 0, opened_for_ = 0, lost_ = 0;
    int protection_ = 0;
};

/// Writes until the first failure. `automatic` chooses for each object, by how many pages of it are written to. For
/// callers that keep signals blocked: a handler might run half-written sites. `live` is used in place of any other when
/// other threads run; live_allowed says whether this CPU tolerates it.
class TextWriter {
public:
    /// All that will be written to, in the order of addresses; it has to stay. Edits in that order are fastest.
    TextWriter(Writer wanted, bool other_threads, bool live_allowed, std::span<const TextSpan> spans);

    /// Does the edits in their order, in runs of one page: each run is compared with `before` right before it is
    /// written, then synchronised with instruction fetch, and compared with `after`. No word may be edited twice. After
    /// a failure nothing more is written, and of the run that it was in, nothing stays half written.
    void write(std::span<const Edit> edits);
    /// Puts back what was changed besides the text. That this is refused is the result, if all else went well.
    const WriteResult &finish();
    [[nodiscard]] const WriteResult &result() const
    {
        return result_;
    }

private:
    using Page = std::span<const Edit>; // edits of one page
    Status write_run(Page edits);
    Status write_page(Page edits);
    Status write_by(Writer writer, Page edits);
    Status write_memory(Page edits);
    Status write_copy(Page edits);
    Status write_mapping(Page edits);
    Status write_live(Page edits);
    [[nodiscard]] bool put_back(Page edits);
    [[nodiscard]] bool find_span(std::uintptr_t address);
    [[nodiscard]] bool prefers_mapping() const;
    [[nodiscard]] std::uintptr_t page_of(std::uintptr_t address) const
    {
        return address & ~(std::uintptr_t{page_size_} - 1);
    }

    std::size_t page_size_;
    Writer wanted_;
    Writer refused_ = Writer::automatic; // none
    bool live_allowed_;
    std::span<const TextSpan> spans_;
    const TextSpan *span_ = nullptr; // of the page before
    WritableMapping mapping_;
    ProcMem memory_;
    WriteResult result_;
};

} // namespace slicepatch

#endif
