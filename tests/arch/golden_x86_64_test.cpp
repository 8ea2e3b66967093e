// SPDX-License-Identifier: MIT
#include "golden.h"

#include <doctest/doctest.h>

namespace slicepatch::tests {

namespace {

constexpr Place near{.head = 0x401000, .cold = 0x401100, .taken = 0x401080};
constexpr std::int64_t glibc_236 = 2336 + 28, glibc_241 = -1280 + 28;

std::string bytes(Kind kind, State state, std::int64_t slice_ctrl = glibc_241, const Place &place = near)
{
    return encoded(x86_64_backend, kind, state, slice_ctrl, place);
}

} // namespace

TEST_CASE("golden: each kind in each state")
{
    check_golden(x86_64_backend, near,
                 {
                     {Kind::enter, State::compiled, glibc_241, "e9 fb 00 00 00 0f 1f 40 01"},
                     {Kind::enter, State::enabled, glibc_241, "64 c6 04 25 1c fb ff ff 01"},
                     {Kind::enter, State::enabled, glibc_236, "64 c6 04 25 3c 09 00 00 01"},
                     {Kind::enter, State::off, glibc_241, "66 0f 1f 84 00 00 00 00 01"},
                     {Kind::exit, State::compiled, glibc_241, "e9 fb 00 00 00 0f 1f 00 0f 83 f2 00 00 00"},
                     {Kind::exit, State::enabled, glibc_241, "64 d0 2c 25 1c fb ff ff 0f 83 f2 00 00 00"},
                     {Kind::exit, State::enabled, glibc_236, "64 d0 2c 25 3c 09 00 00 0f 83 f2 00 00 00"},
                     {Kind::exit, State::off, glibc_241, "0f 1f 84 00 00 00 00 01 66 0f 1f 44 00 40"},
                     {Kind::branch, State::compiled, glibc_241, "e9 fb 00 00 00 0f 1f 00"},
                     {Kind::branch, State::enabled, glibc_241, "e9 7b 00 00 00 0f 1f 00"},
                     {Kind::branch, State::off, glibc_241, "0f 1f 84 00 00 00 00 01"},
                 });
}

TEST_CASE("golden: slice_ctrl at each edge of its range, and the first one outside")
{
    CHECK(bytes(Kind::enter, State::enabled, 0x7fffffff) == "64 c6 04 25 ff ff ff 7f 01");
    CHECK(bytes(Kind::enter, State::enabled, -0x80000000LL) == "64 c6 04 25 00 00 00 80 01");
    CHECK(bytes(Kind::exit, State::enabled, 0x80000000LL) == status_text(Status::offset_out_of_range));
    CHECK(bytes(Kind::exit, State::enabled, -0x80000001LL) == status_text(Status::offset_out_of_range));
    // An offset that a 32-bit operand would wrap to a valid one.
    CHECK(bytes(Kind::enter, State::enabled, (1LL << 32) + glibc_236) == status_text(Status::offset_out_of_range));
}

TEST_CASE("golden: target at each edge of its range, and the first one outside")
{
    const auto jump = [](std::uint64_t head, std::uint64_t cold) {
        return bytes(Kind::enter, State::compiled, glibc_241, {head, cold, 0});
    };
    constexpr std::uint64_t head = 0x100000000, end = head + 5;
    CHECK(jump(head, end + 0x7fffffff) == "e9 ff ff ff 7f 0f 1f 40 01");
    CHECK(jump(head, end - 0x80000000) == "e9 00 00 00 80 0f 1f 40 01");
    CHECK(jump(head, end + 0x80000000) == status_text(Status::target_out_of_range));
    CHECK(jump(head, end - 0x80000001) == status_text(Status::target_out_of_range));
}

} // namespace slicepatch::tests
