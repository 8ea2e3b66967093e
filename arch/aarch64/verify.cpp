// SPDX-License-Identifier: MIT
//
// Understands the bytes of a site with Capstone, where the program is linked with it or loads it. Elsewhere the assembler
// that built this file is the second opinion, witness.cpp: what it writes for each instruction has to be what AsmJit does.
#include "aarch64.h"
#include "arch/decoder.h"
#include "witness.h"

#include <capstone/capstone.h>

#include <atomic>
#include <cstring>
#include <span>

#pragma weak cs_open
#pragma weak cs_close
#pragma weak cs_option
#pragma weak cs_disasm
#pragma weak cs_free

namespace slicepatch::aarch64 {

namespace {

constexpr std::size_t slot = 4; // bytes of an instruction

/// Null where there is none. Set at any time, by whoever loads it, while others ask.
struct Capstone {
    std::atomic<decltype(&cs_open)> open;
    std::atomic<decltype(&cs_close)> close;
    std::atomic<decltype(&cs_option)> option;
    std::atomic<decltype(&cs_disasm)> disasm;
    std::atomic<decltype(&cs_free)> free;
} capstone{cs_open, cs_close, cs_option, cs_disasm, cs_free};

bool capstone_known()
{
    return capstone.open && capstone.close && capstone.option && capstone.disasm && capstone.free;
}

/// An open Capstone; false where it has no arm64 or no memory.
class Decoder {
public:
    Decoder()
    {
        open_ = capstone.open.load()(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &handle_) == CS_ERR_OK;
        usable_ = open_ && capstone.option.load()(handle_, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK;
    }
    Decoder(const Decoder &) = delete;
    Decoder &operator=(const Decoder &) = delete;
    ~Decoder()
    {
        if (open_)
            capstone.close.load()(&handle_);
    }
    explicit operator bool() const
    {
        return usable_;
    }
    [[nodiscard]] csh handle() const
    {
        return handle_;
    }

private:
    csh handle_ = 0;
    bool open_ = false, usable_ = false;
};

/// One decoded instruction. Every question has one spelling as its answer: a mnemonic alone would also name writes back
/// to the base register, conditions and shifts.
class Instruction {
public:
    explicit Instruction(const cs_insn &decoded) : decoded_(decoded), detail_(decoded.detail->arm64) {}

    [[nodiscard]] bool is_nothing() const
    {
        return is(ARM64_INS_NOP, 0);
    }
    [[nodiscard]] bool jumps_to(std::uint64_t target) const
    {
        return is(ARM64_INS_B, 1) && immediate(0, static_cast<std::int64_t>(target));
    }
    [[nodiscard]] bool jumps_if_zero(arm64_reg value, std::uint64_t target) const
    {
        return is(ARM64_INS_CBZ, 2) && reg(0, value) && immediate(1, static_cast<std::int64_t>(target));
    }
    [[nodiscard]] bool reads_thread_pointer(arm64_reg into) const
    {
        constexpr unsigned tpidr_el0 = 0xde82; // op0 3, op1 3, CRn 13, CRm 0, op2 2 (Arm ARM, "TPIDR_EL0")
        return is(ARM64_INS_MRS, 2) && reg(0, into) && system_register(1) == tpidr_el0;
    }
    [[nodiscard]] bool sets_to_one(arm64_reg into) const
    {
        return (is(ARM64_INS_MOVZ, 2) || is(ARM64_INS_MOV, 2)) && reg(0, into) && immediate(1, 1) && unshifted(1);
    }
    /// Moves a register by whole units of 4096 bytes, or leaves it alone.
    [[nodiscard]] bool moves(arm64_reg pointer, std::int64_t &bytes) const
    {
        bytes = 0;
        if (is_nothing())
            return true;
        if (!(is(ARM64_INS_ADD, 3) || is(ARM64_INS_SUB, 3)) || !reg(0, pointer) || !reg(1, pointer) ||
            operand(2).type != ARM64_OP_IMM || operand(2).shift.type != ARM64_SFT_LSL || operand(2).shift.value != 12)
            return false;
        bytes = operand(2).imm << 12;
        if (decoded_.id == ARM64_INS_SUB)
            bytes = -bytes;
        return true;
    }
    [[nodiscard]] bool stores_byte(arm64_reg value, arm64_reg pointer, std::int64_t &displacement) const
    {
        return (is(ARM64_INS_STRB, 2) || is(ARM64_INS_STURB, 2)) && reg(0, value) && memory(1, pointer, displacement);
    }
    [[nodiscard]] bool loads_byte(arm64_reg into, arm64_reg pointer, std::int64_t &displacement) const
    {
        return (is(ARM64_INS_LDRB, 2) || is(ARM64_INS_LDURB, 2)) && reg(0, into) && memory(1, pointer, displacement);
    }

private:
    [[nodiscard]] const cs_arm64_op &operand(unsigned index) const
    {
        return detail_.operands[index];
    }
    [[nodiscard]] bool is(arm64_insn id, unsigned operands) const
    {
        return decoded_.id == static_cast<unsigned>(id) && detail_.op_count == operands &&
               detail_.cc == ARM64_CC_INVALID && !detail_.writeback && !detail_.update_flags;
    }
    [[nodiscard]] bool reg(unsigned index, arm64_reg expected) const
    {
        return operand(index).type == ARM64_OP_REG && operand(index).reg == expected;
    }
    [[nodiscard]] bool immediate(unsigned index, std::int64_t expected) const
    {
        return operand(index).type == ARM64_OP_IMM && operand(index).imm == expected;
    }
    [[nodiscard]] bool unshifted(unsigned index) const
    {
        return operand(index).shift.type == ARM64_SFT_INVALID || operand(index).shift.value == 0;
    }
    /// 0 if the operand is none. Capstone 4 has a type for what MRS reads; Capstone 5 has that of system instructions,
    /// and keeps the number in a field whose enumeration does not have it: it is copied, never read as one of those.
    [[nodiscard]] unsigned system_register(unsigned index) const
    {
        unsigned number = 0;
        static_assert(sizeof number == sizeof operand(index).sys);
        if (operand(index).type == ARM64_OP_REG_MRS || operand(index).type == ARM64_OP_SYS)
            std::memcpy(&number, &operand(index).sys, sizeof number);
        return number;
    }
    [[nodiscard]] bool memory(unsigned index, arm64_reg base, std::int64_t &displacement) const
    {
        const cs_arm64_op &where = operand(index);
        displacement = where.mem.disp;
        return where.type == ARM64_OP_MEM && where.mem.base == base && where.mem.index == ARM64_REG_INVALID;
    }

    const cs_insn &decoded_;
    const cs_arm64 &detail_;
};

/// The instructions of a site in order.
class Listing {
public:
    Listing(const Decoder &decoder, std::uint64_t address, std::span<const std::uint8_t> bytes)
        : count_(capstone.disasm.load()(decoder.handle(), bytes.data(), bytes.size(), address, 0, &instructions_)),
          end_(address + bytes.size())
    {
    }
    Listing(const Listing &) = delete;
    Listing &operator=(const Listing &) = delete;
    ~Listing()
    {
        if (instructions_)
            capstone.free.load()(instructions_, count_);
    }
    [[nodiscard]] std::size_t size() const
    {
        return count_;
    }
    [[nodiscard]] std::uint64_t end() const
    {
        return end_;
    }
    Instruction operator[](std::size_t index) const
    {
        return Instruction(instructions_[index]);
    }

private:
    cs_insn *instructions_ = nullptr;
    std::size_t count_;
    std::uint64_t end_;
};

/// The state that a head of ENTER or EXIT shows; foreign if it is none.
State read_head(const Listing &listing, const Place &place)
{
    if (listing[0].is_nothing())
        return State::enabled;
    if (listing[0].jumps_to(place.cold))
        return State::compiled;
    return listing[0].jumps_to(listing.end()) ? State::off : State::foreign;
}

bool do_nothing(const Listing &listing, std::initializer_list<unsigned> slots)
{
    for (unsigned index : slots)
        if (!listing[index].is_nothing())
            return false;
    return true;
}

State read_enter(const Listing &listing, const Place &place, std::int64_t &slice_ctrl)
{
    const State head = read_head(listing, place);
    if (!listing[1].reads_thread_pointer(ARM64_REG_X16) || !listing[3].sets_to_one(ARM64_REG_W17))
        return State::foreign;
    if (head != State::enabled)
        return do_nothing(listing, {2, 4}) ? head : State::foreign;
    std::int64_t moved, displacement;
    if (!listing[2].moves(ARM64_REG_X16, moved) || !listing[4].stores_byte(ARM64_REG_W17, ARM64_REG_X16, displacement))
        return State::foreign;
    slice_ctrl = moved + displacement;
    return State::enabled;
}

State read_exit(const Listing &listing, const Place &place, std::int64_t &slice_ctrl)
{
    const State head = read_head(listing, place);
    if (!listing[1].reads_thread_pointer(ARM64_REG_X16) || !listing[5].jumps_if_zero(ARM64_REG_W16, listing.end()) ||
        !listing[6].jumps_to(place.cold))
        return State::foreign;
    if (head != State::enabled)
        return do_nothing(listing, {2, 3, 4}) ? head : State::foreign;
    std::int64_t moved, request, granted;
    if (!listing[2].moves(ARM64_REG_X16, moved) || !listing[3].stores_byte(ARM64_REG_WZR, ARM64_REG_X16, request) ||
        !listing[4].loads_byte(ARM64_REG_W16, ARM64_REG_X16, granted) || granted != request + 1)
        return State::foreign;
    slice_ctrl = moved + request;
    return State::enabled;
}

State read_branch(const Listing &listing, const Place &place)
{
    if (listing[0].is_nothing())
        return State::off;
    if (listing[0].jumps_to(place.cold))
        return State::compiled;
    return listing[0].jumps_to(place.taken) ? State::enabled : State::foreign;
}

} // namespace

Status decode(Kind kind, const Place &place, std::span<const std::uint8_t> bytes, Decoded &decoded)
{
    decoded = {State::foreign, 0};
    if (bytes.size() != aarch64_backend.site_size(kind))
        return Status::ok;
    if (!capstone_known())
        return witness_decode(kind, place, bytes, decoded);
    const Decoder decoder;
    if (!decoder)
        return Status::decoder_missing;
    const Listing listing(decoder, place.head, bytes);
    if (listing.size() * slot != bytes.size())
        return Status::ok; // not all are instructions
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
    constexpr std::uint32_t opcode = 0xfc000000, jump = 0x14000000; // B imm26 (Arm ARM, C6.2 "B")
    std::uint32_t word;
    if (bytes.size() < sizeof word)
        return false;
    std::memcpy(&word, bytes.data(), sizeof word);
    // Its sign is that of the immediate's upper bit.
    target = head + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(word << 6) >> 4});
    return (word & opcode) == jump;
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
    return capstone_known() ? "Capstone" : "assembler";
}

bool load_decoder()
{
    if (capstone_known())
        return true;
    const DecoderLibrary library(SLICEPATCH_DECODER);
    decltype(&cs_open) open;
    decltype(&cs_close) close;
    decltype(&cs_option) option;
    decltype(&cs_disasm) disasm;
    decltype(&cs_free) free;
    if (!library.find("cs_open", open) || !library.find("cs_close", close) || !library.find("cs_option", option) ||
        !library.find("cs_disasm", disasm) || !library.find("cs_free", free))
        return false;
    capstone.open = open;
    capstone.close = close;
    capstone.option = option;
    capstone.disasm = disasm;
    capstone.free = free;
    return true;
}

} // namespace slicepatch::aarch64
