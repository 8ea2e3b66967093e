// SPDX-License-Identifier: MIT
#include "patcher/bench/instruction.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <stdexcept>

using namespace slicepatch::tool::bench;

namespace {

Effects decode(std::initializer_list<std::uint8_t> bytes)
{
    alignas(16) static std::uint8_t buffer[32];
    std::memset(buffer, 0x90, sizeof buffer);
    std::memcpy(buffer, bytes.begin(), bytes.size());
    const Effects effects = decode_effects(reinterpret_cast<std::uintptr_t>(buffer));
    CHECK(effects.length == bytes.size());
    return effects;
}

void check(const Effects &effects, unsigned loads, unsigned stores, bool branch, bool noop)
{
    CHECK(effects.loads == loads);
    CHECK(effects.stores == stores);
    CHECK(effects.branch == branch);
    CHECK(effects.noop == noop);
}

} // namespace

TEST_CASE("an enabled pair is its stores, its load and its branch")
{
    check(decode({0x64, 0xc6, 0x04, 0x25, 0x1c, 0xff, 0xff, 0xff, 0x01}), 0, 1, false, false); // movb $1, %fs:..
    check(decode({0x64, 0xd0, 0x2c, 0x25, 0x1c, 0xff, 0xff, 0xff}), 1, 1, false, false);       // shrb $1, %fs:..
    check(decode({0x0f, 0x83, 0x10, 0x00, 0x00, 0x00}), 0, 0, true, false);                    // jnc
}

TEST_CASE("a no-op touches no memory and nothing else")
{
    check(decode({0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x01}), 0, 0, false, true);
    check(decode({0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}), 0, 0, false, true);
    check(decode({0x66, 0x0f, 0x1f, 0x44, 0x00, 0x40}), 0, 0, false, true);
    check(decode({0x66, 0x90}), 0, 0, false, true);
}

TEST_CASE("calls, returns and the stack are what they do to memory")
{
    check(decode({0xe8, 0x00, 0x00, 0x00, 0x00}), 0, 1, true, false); // call
    check(decode({0xc3}), 1, 0, true, false);                         // ret
    check(decode({0x50}), 0, 1, false, false);                        // push
    check(decode({0x58}), 1, 0, false, false);                        // pop
    check(decode({0xff, 0x15, 0, 0, 0, 0}), 1, 1, true, false);       // call through a pointer
}

TEST_CASE("an address that is only computed is not a load")
{
    check(decode({0x48, 0x8d, 0x44, 0x1b, 0x09}), 0, 0, false, false); // lea
    check(decode({0x80, 0x3f, 0x00}), 1, 0, false, false);             // cmpb $0, (%rdi)
}

TEST_CASE("an atomic operation loads and stores")
{
    check(decode({0x87, 0x07}), 1, 1, false, false);             // xchg with memory
    check(decode({0xf0, 0x0f, 0xb1, 0x37}), 1, 1, false, false); // lock cmpxchg
}

TEST_CASE("bytes that are no instruction are an error")
{
    const std::uint8_t none[16] = {0x06}; // push es, gone in 64-bit mode
    CHECK_THROWS_AS((void)decode_effects(reinterpret_cast<std::uintptr_t>(none)), std::runtime_error);
}
