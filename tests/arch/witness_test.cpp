// SPDX-License-Identifier: MIT
//
// The assembler's opinion agrees with AsmJit's and with the decoder's.
#include "arch/aarch64/witness.h"
#include "arch/x86_64/witness.h"
#include "golden.h"

#include <doctest/doctest.h>

namespace slicepatch::tests {

namespace {

using Decode = decltype(Backend::decode);

/// Of the architecture that assembled this program.
Decode host_witness()
{
    return &host_backend() == &x86_64_backend ? x86_64::witness_decode : aarch64::witness_decode;
}

} // namespace

TEST_CASE("the assembler writes the same nine forms as AsmJit")
{
    constexpr Place place{.head = 0x401000, .cold = 0x3fff00, .taken = 0x401080};
    const Decode witness = host_witness();
    for (std::int64_t slice_ctrl : {-1252, 2364, -4, 28, 0xff'fffe, -0xff'f000})
        for (Kind kind : all_kinds)
            for (State state : encoded_states) {
                CAPTURE(kind_name(kind));
                CAPTURE(state_name(state));
                CAPTURE(slice_ctrl);
                Form form;
                std::uint8_t bytes[max_site_size];
                REQUIRE(host_backend().encode(kind, state, slice_ctrl, form) == Status::ok);
                REQUIRE(host_backend().place(form, place, bytes) == Status::ok);
                Decoded decoded;
                REQUIRE(witness(kind, place, {bytes, form.size}, decoded) == Status::ok);
                CHECK(decoded.state == state);
                if (state == State::enabled && kind != Kind::branch)
                    CHECK(decoded.slice_ctrl == slice_ctrl);
                for (unsigned i = 0; i < form.size; ++i) {
                    bytes[i] ^= 0x80; // in an opcode, a target or an operand
                    REQUIRE(witness(kind, place, {bytes, form.size}, decoded) == Status::ok);
                    CHECK((decoded.state != state || decoded.slice_ctrl != slice_ctrl));
                    bytes[i] ^= 0x80;
                }
            }
}

TEST_CASE("the assembler has no opinion of another architecture's forms")
{
    const Decode foreign = host_witness() == x86_64::witness_decode ? aarch64::witness_decode : x86_64::witness_decode;
    Decoded decoded;
    CHECK(foreign(Kind::branch, {}, {}, decoded) == Status::decoder_missing);
}

} // namespace slicepatch::tests
