// SPDX-License-Identifier: MIT
#include "patcher/library/base/array.h"

#include <doctest/doctest.h>

#include <cstdint>

using slicepatch::Array;
using slicepatch::Status;

TEST_CASE("an array keeps what was pushed while it grows")
{
    Array<int> array;
    CHECK(array.empty());
    for (int i = 0; i < 1000; ++i)
        REQUIRE(array.push(i) == Status::ok);
    REQUIRE(array.size() == 1000);
    for (int i = 0; i < 1000; ++i)
        CHECK(array[static_cast<std::size_t>(i)] == i);
    Array<int> moved(std::move(array));
    CHECK(moved.size() == 1000);
    CHECK(array.empty());
}

TEST_CASE("an array that cannot grow says so and keeps its elements")
{
    struct Huge {
        char bytes[1 << 20];
    };
    Array<Huge> array;
    CHECK(array.reserve(SIZE_MAX >> 21) == Status::no_memory);
    CHECK(array.empty());
    REQUIRE(array.push(Huge{}) == Status::ok);
    CHECK(array.size() == 1);
}

TEST_CASE("a size whose bytes overflow is refused")
{
    Array<std::uint64_t> array;
    const volatile std::size_t elements = SIZE_MAX / sizeof(std::uint64_t) + 2; // volatile: unseen by the compiler
    CHECK(array.reserve(elements) == Status::no_memory);
}
