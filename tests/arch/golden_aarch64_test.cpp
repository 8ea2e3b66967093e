// SPDX-License-Identifier: MIT
#include "golden.h"

#include <doctest/doctest.h>

namespace slicepatch::tests {

namespace {

constexpr Place near{.head = 0x401000, .cold = 0x401100, .taken = 0x401080};
constexpr std::int64_t glibc_236 = -32 + 28, glibc_241 = 32 + 28;

std::string bytes(Kind kind, State state, std::int64_t slice_ctrl = glibc_241, const Place &place = near)
{
    return encoded(aarch64_backend, kind, state, slice_ctrl, place);
}

/// The slots of an enabled site that depend on the place of the request byte.
std::string enter(const std::string &add, const std::string &store)
{
    return "1f 20 03 d5 50 d0 3b d5 " + add + " 31 00 80 52 " + store;
}

std::string exit(const std::string &add, const std::string &store, const std::string &load)
{
    return "1f 20 03 d5 50 d0 3b d5 " + add + " " + store + " " + load + " 50 00 00 34 3a 00 00 14";
}

constexpr auto nop = "1f 20 03 d5";

} // namespace

// All bytes here are the GNU assembler's. In the comments: what stands in the slots that differ.

TEST_CASE("golden: each kind in each state")
{
    check_golden(
        aarch64_backend, near,
        {
            // b cold, mrs x16, tpidr_el0, nop, mov w17, #1, nop
            {Kind::enter, State::compiled, glibc_241, "40 00 00 14 50 d0 3b d5 1f 20 03 d5 31 00 80 52 1f 20 03 d5"},
            // strb w17, [x16, #60]
            {Kind::enter, State::enabled, glibc_241, "1f 20 03 d5 50 d0 3b d5 1f 20 03 d5 31 00 80 52 11 f2 00 39"},
            // sturb w17, [x16, #-4]
            {Kind::enter, State::enabled, glibc_236, "1f 20 03 d5 50 d0 3b d5 1f 20 03 d5 31 00 80 52 11 c2 1f 38"},
            // b end
            {Kind::enter, State::off, glibc_241, "05 00 00 14 50 d0 3b d5 1f 20 03 d5 31 00 80 52 1f 20 03 d5"},
            // b cold, mrs x16, tpidr_el0, nop, nop, nop, cbz w16, end, b cold
            {Kind::exit, State::compiled, glibc_241,
             "40 00 00 14 50 d0 3b d5 1f 20 03 d5 1f 20 03 d5 1f 20 03 d5 50 00 00 34 3a 00 00 14"},
            // strb wzr, [x16, #60], ldrb w16, [x16, #61]
            {Kind::exit, State::enabled, glibc_241,
             "1f 20 03 d5 50 d0 3b d5 1f 20 03 d5 1f f2 00 39 10 f6 40 39 50 00 00 34 3a 00 00 14"},
            // sturb wzr, [x16, #-4], ldurb w16, [x16, #-3]
            {Kind::exit, State::enabled, glibc_236,
             "1f 20 03 d5 50 d0 3b d5 1f 20 03 d5 1f c2 1f 38 10 d2 5f 38 50 00 00 34 3a 00 00 14"},
            // b end
            {Kind::exit, State::off, glibc_241,
             "07 00 00 14 50 d0 3b d5 1f 20 03 d5 1f 20 03 d5 1f 20 03 d5 50 00 00 34 3a 00 00 14"},
            {Kind::branch, State::compiled, glibc_241, "40 00 00 14"}, // b cold
            {Kind::branch, State::enabled, glibc_241, "20 00 00 14"},  // b taken
            {Kind::branch, State::off, glibc_241, "1f 20 03 d5"},      // nop
        });
}

TEST_CASE("golden: slice_ctrl at each edge of its range, and the first one outside")
{
    const struct {
        std::int64_t slice_ctrl;
        std::string enter, exit;
    } edges[] = {
        // strb w17, [x16]; strb wzr, [x16], ldrb w16, [x16, #1]
        {0, enter(nop, "11 02 00 39"), exit(nop, "1f 02 00 39", "10 06 40 39")},
        // the same at #4094, and #4095 of the load
        {4094, enter(nop, "11 fa 3f 39"), exit(nop, "1f fa 3f 39", "10 fe 7f 39")},
        // add x16, x16, #1, lsl #12
        {4096, enter("10 06 40 91", "11 02 00 39"), exit("10 06 40 91", "1f 02 00 39", "10 06 40 39")},
        // add x16, x16, #4095, lsl #12
        {0xff'fffe, enter("10 fe 7f 91", "11 fa 3f 39"), exit("10 fe 7f 91", "1f fa 3f 39", "10 fe 7f 39")},
        // sturb w17, [x16, #-1]; sturb wzr, [x16, #-1], ldurb w16, [x16]
        {-1, enter(nop, "11 f2 1f 38"), exit(nop, "1f f2 1f 38", "10 02 40 38")},
        // the same at #-256, and #-255 of the load
        {-256, enter(nop, "11 02 10 38"), exit(nop, "1f 02 10 38", "10 12 50 38")},
        // sub x16, x16, #1, lsl #12, and 3839 further
        {-257, enter("10 06 40 d1", "11 fe 3b 39"), exit("10 06 40 d1", "1f fe 3b 39", "10 02 7c 39")},
        {-4096, enter("10 06 40 d1", "11 02 00 39"), exit("10 06 40 d1", "1f 02 00 39", "10 06 40 39")},
        // sub x16, x16, #4095, lsl #12
        {-0xff'f000, enter("10 fe 7f d1", "11 02 00 39"), exit("10 fe 7f d1", "1f 02 00 39", "10 06 40 39")},
    };
    for (const auto &edge : edges) {
        CAPTURE(edge.slice_ctrl);
        CHECK(bytes(Kind::enter, State::enabled, edge.slice_ctrl) == edge.enter);
        CHECK(bytes(Kind::exit, State::enabled, edge.slice_ctrl) == edge.exit);
    }
    // Where the granted byte, one further, is beyond a 12-bit operand; beyond the largest ADD and SUB; and an offset
    // that a 32-bit operand would wrap to a valid one.
    for (std::int64_t outside : {std::int64_t{4095}, std::int64_t{8191}, std::int64_t{-4097}, std::int64_t{0xff'ffff},
                                 std::int64_t{0x100'0000}, std::int64_t{-0xff'f001}, std::int64_t{-0x100'0000},
                                 (std::int64_t{1} << 32) + glibc_241}) {
        CAPTURE(outside);
        CHECK(bytes(Kind::enter, State::enabled, outside) == status_text(Status::offset_out_of_range));
        CHECK(bytes(Kind::exit, State::enabled, outside) == status_text(Status::offset_out_of_range));
    }
}

TEST_CASE("golden: target at each edge of its range, and the first one outside")
{
    const auto jump = [](std::uint64_t head, std::uint64_t cold) {
        return bytes(Kind::branch, State::compiled, glibc_241, {head, cold, 0});
    };
    constexpr std::uint64_t head = 0x100000000;
    CHECK(jump(head, head + 0x7ff'fffc) == "ff ff ff 15");
    CHECK(jump(head, head - 0x800'0000) == "00 00 00 16");
    CHECK(jump(head, head + 0x800'0000) == status_text(Status::target_out_of_range));
    CHECK(jump(head, head - 0x800'0004) == status_text(Status::target_out_of_range));
    CHECK(jump(head, head + 0x102) == status_text(Status::target_out_of_range)); // not an instruction's address
    // The tail of EXIT jumps from 24 bytes further.
    const auto tail = [](std::uint64_t cold) { return bytes(Kind::exit, State::enabled, glibc_241, {head, cold, 0}); };
    CHECK(tail(head + 24 + 0x7ff'fffc).ends_with("50 00 00 34 ff ff ff 15"));
    CHECK(tail(head + 24 - 0x800'0000).ends_with("50 00 00 34 00 00 00 16"));
    CHECK(tail(head + 24 + 0x800'0000) == status_text(Status::target_out_of_range));
    CHECK(tail(head + 24 - 0x800'0004) == status_text(Status::target_out_of_range));
}

} // namespace slicepatch::tests
