// SPDX-License-Identifier: MIT
#include "witness.h"

#include <bit>
#include <cstring>

namespace slicepatch::aarch64 {

namespace {

struct Witness {
    Kind kind;
    State state;
    std::uint8_t slots;
    std::uint8_t unused;
    std::uint32_t instructions[7];
};

constexpr std::size_t witnesses = 15;

/// An instruction as it was assembled twice, and as it is at the site.
struct Slot {
    std::uint32_t zeros, ones, found;

    [[nodiscard]] std::uint32_t operand_bits() const
    {
        return zeros ^ ones;
    }
    [[nodiscard]] bool matches() const
    {
        return !((zeros ^ found) & ~operand_bits());
    }
    /// 12 bits are unsigned, 9 and 26 signed (Arm ARM, C6.2 "STRB (immediate)", "STURB", "B").
    [[nodiscard]] std::int64_t operand() const
    {
        const std::uint32_t bits = operand_bits();
        if (!bits)
            return 0;
        const std::uint32_t value = (found & bits) >> std::countr_zero(bits);
        const int width = std::popcount(bits);
        const bool is_negative = width != 12 && value >> (width - 1);
        return std::int64_t{value} - (is_negative ? std::int64_t{1} << width : 0);
    }
};

/// A site beside one of its forms.
struct Match {
    const Witness &zeros, &ones;
    std::span<const std::uint8_t> bytes;

    [[nodiscard]] Slot slot(std::size_t index) const
    {
        Slot slot{zeros.instructions[index], ones.instructions[index], 0};
        std::memcpy(&slot.found, bytes.data() + index * sizeof slot.found, sizeof slot.found);
        return slot;
    }
    [[nodiscard]] bool jumps_to(std::size_t index, const Place &place, std::uint64_t target) const
    {
        return place.head + index * sizeof(std::uint32_t) + static_cast<std::uint64_t>(slot(index).operand() * 4) ==
               target;
    }
    /// What an ADD or SUB of whole units of 4096 bytes moves by.
    [[nodiscard]] std::int64_t moves(std::size_t index) const
    {
        constexpr std::uint32_t subtracts = 1u << 30; // ADD and SUB differ in it (Arm ARM, C6.2)
        const std::int64_t bytes = slot(index).operand() << 12;
        return zeros.instructions[index] & subtracts ? -bytes : bytes;
    }
};

/// Equal but for the operands.
bool same_form(const Match &match)
{
    if (match.zeros.slots * sizeof(std::uint32_t) != match.bytes.size())
        return false;
    for (std::size_t i = 0; i < match.zeros.slots; ++i)
        if (!match.slot(i).matches())
            return false;
    return true;
}

/// Whether the operands lead where they should, and which byte the request is.
bool same_operands(const Match &match, const Place &place, std::int64_t &slice_ctrl)
{
    const bool is_enabled = match.zeros.state == State::enabled;
    if (match.zeros.kind == Kind::branch)
        return match.zeros.state == State::off || match.jumps_to(0, place, is_enabled ? place.taken : place.cold);
    if (match.zeros.state == State::compiled && !match.jumps_to(0, place, place.cold))
        return false;
    const bool is_exit = match.zeros.kind == Kind::exit;
    if (is_exit && !match.jumps_to(6, place, place.cold))
        return false;
    if (!is_enabled)
        return true;
    const std::int64_t request = match.slot(is_exit ? 3 : 4).operand();
    slice_ctrl = match.moves(2) + request;
    return !is_exit || match.slot(4).operand() == request + 1;
}

} // namespace

extern "C" __attribute__((weak, visibility("hidden"))) const Witness slicepatch_aarch64_witness[2][witnesses];

Status witness_decode(Kind kind, const Place &place, std::span<const std::uint8_t> bytes, Decoded &decoded)
{
    decoded = {State::foreign, 0};
    if (!slicepatch_aarch64_witness)
        return Status::decoder_missing;
    for (std::size_t i = 0; i < witnesses; ++i) {
        const Match match{slicepatch_aarch64_witness[0][i], slicepatch_aarch64_witness[1][i], bytes};
        std::int64_t slice_ctrl = 0;
        if (match.zeros.kind != kind || !same_form(match) || !same_operands(match, place, slice_ctrl))
            continue;
        decoded = {match.zeros.state, slice_ctrl};
        return Status::ok;
    }
    return Status::ok;
}

} // namespace slicepatch::aarch64
