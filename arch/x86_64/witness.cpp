// SPDX-License-Identifier: MIT
#include "witness.h"

#include <cstring>

namespace slicepatch::x86_64 {

namespace {

constexpr std::size_t operand_size = 4;

struct Witness {
    std::uint8_t size;
    std::uint8_t jump_ends[2];
    std::uint8_t displacement_end;
    std::uint8_t bytes[28];
};

std::int32_t operand_before(std::span<const std::uint8_t> bytes, std::uint8_t end)
{
    std::int32_t operand = 0;
    std::memcpy(&operand, bytes.data() + end - operand_size, operand_size);
    return operand;
}

/// Equal but for the operands, whose jumps go to target.
bool same_form(const Witness &witness, const Place &place, std::uint64_t target, std::span<const std::uint8_t> bytes)
{
    if (witness.size != bytes.size())
        return false;
    std::uint8_t expected[sizeof witness.bytes];
    std::memcpy(expected, witness.bytes, sizeof expected);
    for (std::uint8_t end : {witness.jump_ends[0], witness.jump_ends[1], witness.displacement_end})
        if (end)
            std::memcpy(expected + end - operand_size, bytes.data() + end - operand_size, operand_size);
    if (std::memcmp(expected, bytes.data(), bytes.size()))
        return false;
    for (std::uint8_t end : witness.jump_ends)
        if (end && place.head + end + static_cast<std::uint64_t>(std::int64_t{operand_before(bytes, end)}) != target)
            return false;
    return true;
}

} // namespace

extern "C" __attribute__((weak, visibility("hidden")))
const Witness slicepatch_x86_64_witness[all_kinds.size()][encoded_states.size()];

Status witness_decode(Kind kind, const Place &place, std::span<const std::uint8_t> bytes, Decoded &decoded)
{
    if (!slicepatch_x86_64_witness)
        return Status::decoder_missing;
    for (State state : encoded_states) {
        const Witness &witness =
            slicepatch_x86_64_witness[static_cast<unsigned>(kind) - 1][static_cast<unsigned>(state)];
        const bool taken = kind == Kind::branch && state == State::enabled;
        if (!same_form(witness, place, taken ? place.taken : place.cold, bytes))
            continue;
        const std::uint8_t end = witness.displacement_end;
        decoded = {state, end ? operand_before(bytes, end) : 0};
        return Status::ok;
    }
    decoded = {State::foreign, 0};
    return Status::ok;
}

} // namespace slicepatch::x86_64
