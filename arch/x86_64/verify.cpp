// SPDX-License-Identifier: MIT
//
// Understands the bytes of a site with Zydis, where the program is linked with it or loads it. Elsewhere the assembler that
// built this file is the second opinion, witness.cpp: AsmJit's bytes and its have to be the same but for the operands,
// whose place and size is the assembler's too.
#include "arch/decoder.h"
#include "witness.h"
#include "x86_64.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#pragma weak ZydisDecoderInit
#pragma weak ZydisDecoderDecodeFull

namespace slicepatch::x86_64 {

namespace {

/// Null where there is none. Set at any time, by whoever loads it, while others ask.
struct Zydis {
    std::atomic<decltype(&ZydisDecoderInit)> init;
    std::atomic<decltype(&ZydisDecoderDecodeFull)> decode;
} zydis{ZydisDecoderInit, ZydisDecoderDecodeFull};

bool zydis_known()
{
    return zydis.init && zydis.decode;
}

struct Instruction {
    ZydisDecodedInstruction decoded;
    std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
    std::uint64_t address;

    [[nodiscard]] bool is(ZydisMnemonic mnemonic, unsigned length) const
    {
        constexpr ZydisInstructionAttributes effects =
            ZYDIS_ATTRIB_HAS_LOCK | ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
        return decoded.mnemonic == mnemonic && decoded.length == length && !(decoded.attributes & effects);
    }

    [[nodiscard]] bool jumps_to(ZydisMnemonic mnemonic, unsigned length, std::uint64_t target) const
    {
        return is(mnemonic, length) && operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
               operands[0].imm.is_relative &&
               address + length + static_cast<std::uint64_t>(operands[0].imm.value.s) == target;
    }

    /// Acts on one byte at %fs:displacement, with no register in the address.
    [[nodiscard]] bool on_thread_byte(std::int64_t &displacement) const
    {
        const ZydisDecodedOperand &memory = operands[0];
        displacement = memory.mem.disp.value;
        return memory.type == ZYDIS_OPERAND_TYPE_MEMORY && memory.mem.type == ZYDIS_MEMOP_TYPE_MEM &&
               memory.mem.segment == ZYDIS_REGISTER_FS && memory.mem.base == ZYDIS_REGISTER_NONE &&
               memory.mem.index == ZYDIS_REGISTER_NONE && memory.size == 8;
    }

    [[nodiscard]] bool has_one_as_second_operand() const
    {
        return operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operands[1].imm.value.u == 1;
    }
};

/// The instructions of a site in order, up to the most that a form has.
struct Listing {
    std::array<Instruction, 4> instructions;
    std::size_t count = 0;
    bool complete = false; // they end exactly where the site ends
};

bool list_instructions(std::uint64_t address, std::span<const std::uint8_t> bytes, Listing &listing)
{
    ZydisDecoder decoder;
    if (ZYAN_FAILED(zydis.init.load()(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
        return false;
    std::size_t offset = 0;
    while (offset < bytes.size() && listing.count < listing.instructions.size()) {
        Instruction &next = listing.instructions[listing.count];
        if (ZYAN_FAILED(zydis.decode.load()(&decoder, bytes.data() + offset, bytes.size() - offset, &next.decoded,
                                            next.operands.data())))
            return true; // not an instruction: the listing stays incomplete
        next.address = address + offset;
        offset += next.decoded.length;
        ++listing.count;
    }
    listing.complete = offset == bytes.size();
    return true;
}

State read_enter(const Listing &listing, const Place &place, std::int64_t &slice_ctrl)
{
    const Instruction &head = listing.instructions[0];
    if (listing.count == 2 && head.jumps_to(ZYDIS_MNEMONIC_JMP, 5, place.cold) &&
        listing.instructions[1].is(ZYDIS_MNEMONIC_NOP, 4))
        return State::compiled;
    if (listing.count == 1 && head.is(ZYDIS_MNEMONIC_MOV, 9) && head.on_thread_byte(slice_ctrl) &&
        head.has_one_as_second_operand())
        return State::enabled;
    if (listing.count == 1 && head.is(ZYDIS_MNEMONIC_NOP, 9))
        return State::off;
    return State::foreign;
}

State read_exit(const Listing &listing, const Place &place, std::int64_t &slice_ctrl)
{
    const Instruction &head = listing.instructions[0];
    const Instruction &last = listing.instructions[listing.count - 1];
    const bool tail_jumps = last.jumps_to(ZYDIS_MNEMONIC_JNB, 6, place.cold);
    if (listing.count == 3 && head.jumps_to(ZYDIS_MNEMONIC_JMP, 5, place.cold) &&
        listing.instructions[1].is(ZYDIS_MNEMONIC_NOP, 3) && tail_jumps)
        return State::compiled;
    if (listing.count == 2 && head.is(ZYDIS_MNEMONIC_SHR, 8) && head.on_thread_byte(slice_ctrl) &&
        head.has_one_as_second_operand() && tail_jumps)
        return State::enabled;
    if (listing.count == 2 && head.is(ZYDIS_MNEMONIC_NOP, 8) && last.is(ZYDIS_MNEMONIC_NOP, 6))
        return State::off;
    return State::foreign;
}

State read_branch(const Listing &listing, const Place &place)
{
    const Instruction &head = listing.instructions[0];
    if (listing.count == 2 && listing.instructions[1].is(ZYDIS_MNEMONIC_NOP, 3)) {
        if (head.jumps_to(ZYDIS_MNEMONIC_JMP, 5, place.cold))
            return State::compiled;
        if (head.jumps_to(ZYDIS_MNEMONIC_JMP, 5, place.taken))
            return State::enabled;
    }
    if (listing.count == 1 && head.is(ZYDIS_MNEMONIC_NOP, 8))
        return State::off;
    return State::foreign;
}

} // namespace

Status decode(Kind kind, const Place &place, std::span<const std::uint8_t> bytes, Decoded &decoded)
{
    decoded = {State::foreign, 0};
    if (bytes.size() != x86_64_backend.site_size(kind))
        return Status::ok;
    if (!zydis_known())
        return witness_decode(kind, place, bytes, decoded);
    Listing listing;
    if (!list_instructions(place.head, bytes, listing))
        return Status::decoder_missing; // a Zydis without this machine mode
    if (!listing.complete)
        return Status::ok;
    switch (kind) {
    case Kind::enter:
        decoded.state = read_enter(listing, place, decoded.slice_ctrl);
        break;
    case Kind::exit:
        decoded.state = read_exit(listing, place, decoded.slice_ctrl);
        break;
    case Kind::branch:
        decoded.state = read_branch(listing, place);
        break;
    }
    return Status::ok;
}

bool find_target(std::uint64_t head, std::span<const std::uint8_t> bytes, std::uint64_t &target)
{
    constexpr std::uint8_t jump = 0xe9; // JMP rel32 (Intel SDM vol. 2A, "JMP")
    std::int32_t distance;
    if (bytes.size() < 1 + sizeof distance || bytes[0] != jump)
        return false;
    std::memcpy(&distance, bytes.data() + 1, sizeof distance);
    target = head + 1 + sizeof distance + static_cast<std::uint64_t>(std::int64_t{distance});
    return true;
}

Status verify(const Form &form, const Place &place, std::int64_t slice_ctrl, std::span<const std::uint8_t> bytes)
{
    Decoded decoded;
    if (Status status = decode(form.kind, place, bytes, decoded); status != Status::ok)
        return status;
    if (decoded.state != form.state)
        return Status::verify_failed;
    const bool requests = form.state == State::enabled && form.kind != Kind::branch;
    return requests && decoded.slice_ctrl != slice_ctrl ? Status::verify_failed : Status::ok;
}

const char *verifier()
{
    return zydis_known() ? "Zydis" : "assembler";
}

bool load_decoder()
{
    if (zydis_known())
        return true;
    const DecoderLibrary library(SLICEPATCH_DECODER);
    decltype(&ZydisDecoderInit) init;
    decltype(&ZydisDecoderDecodeFull) decode;
    if (!library.find("ZydisDecoderInit", init) || !library.find("ZydisDecoderDecodeFull", decode))
        return false;
    zydis.init = init;
    zydis.decode = decode;
    return true;
}

} // namespace slicepatch::x86_64
