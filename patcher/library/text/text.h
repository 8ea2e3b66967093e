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
#include "mapping.h"
#include "patcher/library/base/array.h"
#include "procmem.h"

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

/// Writes until the first failure. `automatic` chooses for each object, by how many pages of it are written to. For
/// callers that keep signals blocked: a handler might run half-written sites. `live` is used in place of any other when
/// other threads run; live_allowed says whether this CPU tolerates it.
class TextWriter {
public:
    /// All that will be written to, in the order of addresses; it has to stay. Edits in that order are fastest.
    TextWriter(Writer wanted, bool other_threads, bool live_allowed, std::span<const TextSpan> spans);

    /// Does the edits in their order, in runs of one page or, by copies, of some: each run is compared with `before` right before it is
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
    using Run = std::span<const Edit>; // edits of one page, or of pages in a row
    [[nodiscard]] std::size_t run_length(std::span<const Edit> edits) const;
    [[nodiscard]] bool is_of_pages(Run edits) const;
    Status write_run(Run edits);
    Status write_once(Run edits);
    Status write_by(Writer writer, Run edits);
    Status write_memory(Run edits);
    Status write_copy(Run edits, std::uintptr_t begin, std::span<std::uint8_t> copy);
    Status write_mapping(Run edits);
    Status write_live(Run edits);
    [[nodiscard]] bool put_back(Run edits);
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
    Array<std::uint8_t> copy_;
    bool pages_alone_ = false; // since a run of more was not written
    WriteResult result_;
};

} // namespace slicepatch

#endif
