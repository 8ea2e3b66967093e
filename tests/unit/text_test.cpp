// SPDX-License-Identifier: MIT
//
// The writers, on pages of anonymous memory that are r-x like text.
#include "patcher/library/base/array.h"
#include "patcher/library/text/text.h"
#include "tests/process/programs/filters.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace slicepatch;

namespace {

/// Pages with a pattern, readable and executable.
class TextPages {
public:
    explicit TextPages(std::size_t pages) : size_(pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)))
    {
        data_ = static_cast<std::uint8_t *>(
            mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        REQUIRE(data_ != MAP_FAILED);
        for (std::size_t i = 0; i < size_; ++i)
            data_[i] = static_cast<std::uint8_t>(i * 7);
        REQUIRE(mprotect(data_, size_, PROT_READ | PROT_EXEC) == 0);
    }
    TextPages(const TextPages &) = delete;
    TextPages &operator=(const TextPages &) = delete;
    ~TextPages()
    {
        munmap(data_, size_);
    }

    [[nodiscard]] Edit edit(std::size_t offset, std::uint8_t size = 8) const
    {
        Edit edit{reinterpret_cast<std::uintptr_t>(data_) + offset, 0, 0, size};
        std::memcpy(&edit.before, data_ + offset, size);
        std::memset(&edit.after, 0xa5, size);
        return edit;
    }

    [[nodiscard]] std::size_t count_changed() const
    {
        std::size_t changed = 0;
        for (std::size_t i = 0; i < size_; ++i)
            changed += data_[i] != static_cast<std::uint8_t>(i * 7);
        return changed;
    }

    /// Makes a page one that the kernel refuses to write to by force: of a shared mapping that is not writable.
    void share(std::size_t page)
    {
        const auto page_size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        std::uint8_t *const at = data_ + page * page_size;
        REQUIRE(mmap(at, page_size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
    }

private:
    std::uint8_t *data_;
    std::size_t size_;
};

/// As many pages as one copy takes, and some, with as many edits each as are worth a copy.
Array<Edit> edit_every_page(const TextPages &text, std::size_t pages)
{
    Array<Edit> edits;
    for (std::size_t page = 0; page < pages; ++page)
        for (std::size_t i = 0; i < 8; ++i)
            REQUIRE(edits.push(text.edit(page * 4096 + i * 512)) == Status::ok);
    return edits;
}

WriteResult write_edits(const Array<Edit> &edits, Writer wanted, bool other_threads, bool live_allowed)
{
    TextSpan span{UINTPTR_MAX, 0, edits.size()};
    for (const Edit &edit : edits)
        span = {std::min(span.first, edit.address), std::max(span.last, edit.address), span.edits};
    TextWriter writer(wanted, other_threads, live_allowed, {&span, 1});
    writer.write(edits.span());
    return writer.finish();
}

/// In a process of its own, in which filters stay: whether check() holds there.
bool holds_in_child(auto check)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(check() ? 0 : 1);
    int status = 1;
    return waitpid(child, &status, 0) == child && status == 0;
}

} // namespace

TEST_CASE("each writer changes the bytes of the edits and nothing else")
{
    for (Writer writer : {Writer::automatic, Writer::procmem, Writer::rwx, Writer::live}) {
        CAPTURE(writer_name(writer));
        const TextPages text(3);
        Array<Edit> edits;
        // A page with one edit, a page with many, and one with 4-byte edits out of order.
        REQUIRE(edits.push(text.edit(64)) == Status::ok);
        for (std::size_t i = 0; i < 64; ++i)
            REQUIRE(edits.push(text.edit(4096 + i * 64)) == Status::ok);
        for (std::size_t i = 10; i-- > 0;)
            REQUIRE(edits.push(text.edit(8192 + i * 100, 4)) == Status::ok);
        const WriteResult result = write_edits(edits, writer, writer == Writer::live, true);
        CHECK(result.status == Status::ok);
        CHECK(result.written == edits.size());
        CHECK(result.used == (writer == Writer::automatic ? Writer::procmem : writer));
        CHECK(text.count_changed() == 65 * 8 + 10 * 4);
    }
}

TEST_CASE("bytes that changed since they were verified stop the write before it begins")
{
    const TextPages text(1);
    Array<Edit> edits;
    REQUIRE(edits.push(text.edit(0)) == Status::ok);
    Edit stale = text.edit(64);
    stale.before ^= 1 << 24;
    REQUIRE(edits.push(stale) == Status::ok);
    const WriteResult result = write_edits(edits, Writer::automatic, false, false);
    CHECK(result.status == Status::write_raced);
    CHECK(result.failed_at == stale.address);
    CHECK(result.written == 0);
    CHECK(text.count_changed() == 0);
}

TEST_CASE("running threads are not patched under on a CPU that is not known to tolerate it")
{
    const TextPages text(1);
    Array<Edit> edits;
    REQUIRE(edits.push(text.edit(0)) == Status::ok);
    const WriteResult result = write_edits(edits, Writer::automatic, true, false);
    CHECK(result.status == Status::live_not_proven);
    CHECK(text.count_changed() == 0);
}

TEST_CASE("memory that is not there is a refusal and not a crash")
{
    Array<Edit> edits;
    void *hole = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(hole != MAP_FAILED);
    // A shared mapping of nothing that is writable: the kernel refuses forced writes to it.
    const Edit edit{reinterpret_cast<std::uintptr_t>(hole), 0, 1, 8};
    REQUIRE(edits.push(edit) == Status::ok);
    const WriteResult result = write_edits(edits, Writer::procmem, false, false);
    CHECK(result.status == Status::write_refused);
    CHECK(result.used == Writer::automatic);
    munmap(hole, 4096);
}

TEST_CASE("a page keeps its protection after a write through its mapping")
{
    const TextPages text(1);
    Array<Edit> edits;
    REQUIRE(edits.push(text.edit(0)) == Status::ok);
    REQUIRE(write_edits(edits, Writer::rwx, false, false).status == Status::ok);
    // Writable again would mean that this write succeeds.
    int pipes[2];
    REQUIRE(pipe(pipes) == 0);
    REQUIRE(write(pipes[1], "x", 1) == 1);
    CHECK(read(pipes[0], reinterpret_cast<void *>(edits[0].address), 1) == -1);
    close(pipes[0]);
    close(pipes[1]);
}

// Emulators of processes have no seccomp, and smaps of their own; the virtual machine runs it.
TEST_CASE("of a page that was written in part, nothing stays" *
          doctest::skip(std::getenv("SLICEPATCH_EMULATOR") != nullptr))
{
    for (bool mapping_denied : {false, true}) {
        const TextPages text(1);
        Array<Edit> edits;
        for (std::size_t i = 0; i < 3; ++i)
            REQUIRE(edits.push(text.edit(i * 64)) == Status::ok);
        CHECK(holds_in_child([&] {
            // The first edit is written, the second is refused.
            if (answer_with(SYS_pwrite64, 3, UINT32_MAX, static_cast<std::uint32_t>(edits[1].address), EIO) ||
                (mapping_denied && answer_with(SYS_mprotect, 2, PROT_WRITE, PROT_WRITE, EACCES)))
                return false;
            const WriteResult refused = write_edits(edits, Writer::procmem, false, false);
            return refused.status == Status::write_refused && refused.used == Writer::automatic &&
                   refused.failed_at == edits[0].address && text.count_changed() == 0;
        }));
        CHECK(holds_in_child([&] {
            if (answer_with(SYS_pwrite64, 3, UINT32_MAX, static_cast<std::uint32_t>(edits[1].address), EIO) ||
                (mapping_denied && answer_with(SYS_mprotect, 2, PROT_WRITE, PROT_WRITE, EACCES)))
                return false;
            const WriteResult other = write_edits(edits, Writer::automatic, false, false);
            return mapping_denied
                       ? other.status == Status::write_refused && text.count_changed() == 0
                       : other.status == Status::ok && other.used == Writer::rwx && text.count_changed() == 3 * 8;
        }));
    }
}

TEST_CASE("pages in a row are copied at once")
{
    const TextPages text(40);
    const Array<Edit> edits = edit_every_page(text, 40);
    CHECK(write_edits(edits, Writer::procmem, false, false).status == Status::ok);
    CHECK(text.count_changed() == edits.size() * 8);
    if (std::getenv("SLICEPATCH_EMULATOR")) // which has no filters
        return;
    const TextPages other(40);
    const Array<Edit> others = edit_every_page(other, 40);
    for (bool deadly : {true, false})
        CHECK(deadly != holds_in_child([&] { // a copy of 16 pages is refused: then each page is copied alone
                  if (filter_call(SYS_pwrite64, 2, ~4095U, 15 * 4096,
                                  deadly ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EIO) != 0)
                      return false;
                  const WriteResult result = write_edits(others, Writer::procmem, false, false);
                  return result.status == Status::ok && result.written == others.size() &&
                         other.count_changed() == others.size() * 8;
              }));
}

TEST_CASE("of pages that were copied at once, those before one that cannot be written stay, as if each was alone")
{
    TextPages text(6);
    text.share(4);
    const Array<Edit> edits = edit_every_page(text, 6);
    const WriteResult result = write_edits(edits, Writer::procmem, false, false);
    CHECK(result.status == Status::write_refused);
    CHECK(result.written == 4 * 8);
    CHECK(result.failed_at == edits[4 * 8].address);
    for (std::size_t i = 0; i < edits.size(); ++i)
        CHECK(text.edit(edits[i].address - edits[0].address).before == (i < 4 * 8 ? edits[i].after : edits[i].before));
}

TEST_CASE("pages in a row are populated at once, and pages between them are left alone" *
          doctest::skip(std::getenv("SLICEPATCH_EMULATOR") != nullptr))
{
    const TextPages text(12);
    const Array<Edit> edits = edit_every_page(text, 12);
    const std::uintptr_t first = edits[0].address;
    // Whether the kernel is asked for the pages from there on. The answer is a refusal, which harms nobody.
    const auto asks_for = [&](std::initializer_list<PageRun> runs, std::uintptr_t address) {
        bool asked = true;
        for (bool deadly : {true, false}) {
            const bool lives = holds_in_child([&] {
                if (filter_call(SYS_madvise, 0, UINT32_MAX, static_cast<std::uint32_t>(address),
                                deadly ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EINVAL) != 0)
                    return false;
                const TextSpan span{
                    first, edits[edits.size() - 1].address + 7, edits.size(), {runs.begin(), runs.size()}};
                TextWriter writer(Writer::rwx, false, false, {&span, 1});
                writer.write(edits.span());
                return writer.finish().status == Status::ok && text.count_changed() == edits.size() * 8;
            });
            if (deadly)
                asked = !lives;
            else
                CHECK(lives);
        }
        return asked;
    };
    const auto page = [&](std::size_t number) { return first + number * 4096; };
    CHECK_FALSE(asks_for({}, page(0)));
    CHECK_FALSE(asks_for({{page(0), page(1)}}, page(0)));
    CHECK(asks_for({{page(0), page(4)}, {page(8), page(12)}}, page(0)));
    CHECK(asks_for({{page(0), page(4)}, {page(8), page(12)}}, page(8)));
    CHECK_FALSE(asks_for({{page(0), page(4)}, {page(8), page(12)}}, page(4)));
}

TEST_CASE("an object with edits on many pages is written through its mapping, others beside it are not")
{
    const TextPages one(65), other(65);
    for (std::size_t edits_of_other : {64, 65}) {
        CAPTURE(edits_of_other);
        CHECK(holds_in_child([&] {
            Array<Edit> edits;
            Array<TextSpan> spans;
            const TextPages *texts[] = {&one, &other};
            if (other.edit(0).address < one.edit(0).address)
                std::swap(texts[0], texts[1]);
            for (const TextPages *text : texts) {
                const std::size_t count = text == &one ? 3 : edits_of_other;
                for (std::size_t i = 0; i < count; ++i)
                    if (edits.push(text->edit(i * 4096)) != Status::ok)
                        return false;
                if (spans.push({text->edit(0).address, text->edit(64 * 4096).address, count}) != Status::ok)
                    return false;
            }
            TextWriter writer(Writer::automatic, false, false, spans.span());
            writer.write(edits.span());
            return writer.finish().status == Status::ok &&
                   writer.result().used == (edits_of_other == 65 ? Writer::rwx : Writer::procmem) &&
                   one.count_changed() == 3 * 8 && other.count_changed() == edits_of_other * 8;
        }));
    }
}
