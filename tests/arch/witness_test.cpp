// SPDX-License-Identifier: MIT
//
// The assembler's opinion agrees with AsmJit's and with the decoder's.
#include "arch/x86_64/witness.h"
#include "golden.h"

#include <doctest/doctest.h>

namespace slicepatch::tests {

TEST_CASE("the assembler writes the same nine forms as AsmJit")
{
    constexpr Place place{.head = 0x401000, .cold = 0x3fff00, .taken = 0x401080};
    for (std::int64_t slice_ctrl : {std::int64_t{-1252}, std::int64_t{2364}, std::int64_t{0x7fffffff}})
        for (Kind kind : all_kinds)
            for (State state : encoded_states) {
                CAPTURE(kind_name(kind));
                CAPTURE(state_name(state));
                Form form;
                std::uint8_t bytes[max_site_size];
                REQUIRE(x86_64_backend.encode(kind, state, slice_ctrl, form) == Status::ok);
                REQUIRE(x86_64_backend.place(form, place, bytes) == Status::ok);
                Decoded decoded;
                REQUIRE(x86_64::witness_decode(kind, place, {bytes, form.size}, decoded) == Status::ok);
                CHECK(decoded.state == state);
                if (state == State::enabled && kind != Kind::branch)
                    CHECK(decoded.slice_ctrl == slice_ctrl);
                for (unsigned i = 0; i < form.size; ++i) {
                    bytes[i] ^= 0x80; // in an opcode, a target or an operand
                    REQUIRE(x86_64::witness_decode(kind, place, {bytes, form.size}, decoded) == Status::ok);
                    CHECK((decoded.state != state || decoded.slice_ctrl != slice_ctrl));
                    bytes[i] ^= 0x80;
                }
            }
}

} // namespace slicepatch::tests
