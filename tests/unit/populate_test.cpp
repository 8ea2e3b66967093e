// SPDX-License-Identifier: MIT
#include "patcher/library/base/populate.h"
#include "tests/skip.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

using namespace slicepatch;
using namespace slicepatch::test;

namespace {

constexpr std::size_t pages = 64;

/// Emulators of processes answer madvise() themselves.
const auto not_emulated = doctest::skip(emulator() != nullptr);

std::size_t page_size()
{
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// Private and anonymous: of what it is not asked for, nothing is there, and no fault brings in a neighbour.
class Memory {
public:
    Memory()
        : at_(static_cast<std::uint8_t *>(
              mmap(nullptr, pages * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
    {
        REQUIRE(at_ != MAP_FAILED);
        (void)madvise(at_, pages * page_size(), MADV_NOHUGEPAGE); // where there are none, it is refused
    }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;
    ~Memory()
    {
        munmap(at_, pages * page_size());
    }

    [[nodiscard]] std::uint8_t *page(std::size_t i) const
    {
        return at_ + i * page_size();
    }

    [[nodiscard]] std::size_t present() const
    {
        std::vector<unsigned char> in_memory(pages);
        REQUIRE(mincore(at_, pages * page_size(), in_memory.data()) == 0);
        std::size_t count = 0;
        for (unsigned char one : in_memory)
            count += one & 1;
        return count;
    }

private:
    std::uint8_t *at_;
};

/// Not before Linux 5.14. Then only speed is lost; that nothing else is, is what all other tests show.
bool kernel_populates()
{
    const Memory memory;
    constexpr int populate_read = 22;
    return madvise(memory.page(0), page_size(), populate_read) == 0 && memory.present() == 1;
}

} // namespace

TEST_CASE("what will be written and what will be read is brought in at once" * not_emulated)
{
    if (!kernel_populates())
        return skip("this kernel does not populate memory");
    const Memory written, read;
    CHECK(populate(written.page(2), 8 * page_size()));
    CHECK(written.present() == 8);
    CHECK(populate_for_reading(read.page(0), pages * page_size()));
    CHECK(read.present() == pages);
}

TEST_CASE("only whole pages, and nothing where a fault does as much" * not_emulated)
{
    if (!kernel_populates())
        return skip("this kernel does not populate memory");
    const Memory memory;
    CHECK(populate(memory.page(1) + 1, 3 * page_size()));
    CHECK(memory.present() == 2);
    CHECK(populate(memory.page(10), page_size())); // one alone
    if (page_size() == 4096)
        CHECK(populate_for_reading(memory.page(20), 8 * page_size()));
    CHECK(memory.present() == 2);
}

TEST_CASE("what cannot be populated is false, and errno is as it was" * not_emulated)
{
    if (!kernel_populates())
        return skip("this kernel does not populate memory");
    const Memory memory;
    REQUIRE(mprotect(memory.page(0), pages * page_size(), PROT_NONE) == 0);
    errno = 77;
    CHECK(!populate(memory.page(0), pages * page_size()));
    CHECK(!populate_for_reading(memory.page(0), pages * page_size()));
    CHECK(errno == 77);
}
