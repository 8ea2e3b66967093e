// SPDX-License-Identifier: MIT
//
// Encodes the three forms of each kind with AsmJit, the only file of this backend that knows it.
#include "aarch64.h"

#include <asmjit/arm.h>
#include <asmjit/arm/a64assembler.h>

#include <cstring>

namespace slicepatch::aarch64 {

using namespace asmjit;

namespace {

constexpr std::size_t room_size = 2048; // bytes that a CodeHolder with a few instructions and labels needs at most

constexpr std::size_t slot = 4; // bytes of an instruction

/// Forms in the making, one behind the other. Every emitted instruction's size is checked: AsmJit may need two for one.
class Encoder {
public:
    Encoder() : environment_(Arch::kAArch64)
    {
        ok_ = code_.init(environment_, 0) == kErrorOk && code_.attach(&assembler_) == kErrorOk;
    }

    void begin(Form &form)
    {
        form_ = &form;
        form.fixup_count = 0;
        begin_ = assembler_.offset();
        end_ = assembler_.newLabel();
    }

    template <class Emit> Encoder &instruction(Emit emit)
    {
        const std::size_t before = assembler_.offset();
        ok_ = ok_ && emit(assembler_) == kErrorOk && assembler_.offset() - before == slot;
        return *this;
    }

    /// A jump whose distance is filled in for each site. Encoded to itself, which is distance 0.
    Encoder &jump(Target target)
    {
        const Label here = assembler_.newLabel();
        ok_ = ok_ && assembler_.bind(here) == kErrorOk && form_->fixup_count < form_->fixups.size();
        instruction([&](a64::Assembler &a) { return a.b(here); });
        if (ok_)
            form_->fixups[form_->fixup_count++] = {static_cast<std::uint8_t>(assembler_.offset() - begin_ - slot),
                                                   target};
        return *this;
    }

    /// Behind the site's last instruction.
    [[nodiscard]] const Label &end() const
    {
        return end_;
    }

    Status finish(std::size_t size)
    {
        ok_ = ok_ && assembler_.bind(end_) == kErrorOk;
        const CodeBuffer &buffer = code_.sectionById(0)->buffer();
        if (!ok_ || code_.hasUnresolvedLinks() || buffer.size() - begin_ != size || size > form_->bytes.size())
            return Status::encode_failed;
        std::memcpy(form_->bytes.data(), buffer.data() + begin_, size);
        form_->size = static_cast<std::uint8_t>(size);
        return Status::ok;
    }

private:
    Form *form_ = nullptr;
    std::size_t begin_ = 0; // of this form in the buffer
    Environment environment_;
    alignas(16) char room_[room_size];
    const Support::Temporary room_as_first_block_{room_, sizeof room_};
    CodeHolder code_{room_as_first_block_};
    a64::Assembler assembler_;
    Label end_;
    bool ok_ = false;
};

/// A distance from the thread pointer as instructions take it: an ADD or SUB of whole units first, unless there are
/// none, then a 12-bit unsigned or a 9-bit signed rest (Arm ARM, C6.2 "ADD (immediate)", "STRB (immediate)", "STURB").
struct Distance {
    std::int64_t units;
    std::int32_t rest;
    bool is_signed;
};

constexpr std::int64_t unit = 1 << 12; // ADD and SUB shift their operand by 12 bits
constexpr std::int64_t most_units = unit - 1;
constexpr std::int64_t largest_rest = unit - 1 - 1; // the granted byte, one further, is addressed in the same way
constexpr std::int64_t least_signed_rest = -256;

Status split(std::int64_t slice_ctrl, Distance &distance)
{
    const bool is_signed = slice_ctrl < 0 && slice_ctrl >= least_signed_rest;
    const std::int64_t units = is_signed ? 0 : slice_ctrl >> 12; // towards minus infinity, so that no rest is negative
    const std::int64_t rest = slice_ctrl - units * unit;
    if (units > most_units || units < -most_units || rest > largest_rest)
        return Status::offset_out_of_range;
    distance = {units, static_cast<std::int32_t>(rest), is_signed};
    return Status::ok;
}

// x16 and x17 are ours between two instructions of the program (AAPCS64, 6.1.1), and declared as clobbered.
Error read_thread_pointer(a64::Assembler &a)
{
    return a.mrs(a64::x16, static_cast<std::uint32_t>(a64::Predicate::SysReg::kTPIDR_EL0));
}
Error nothing(a64::Assembler &a)
{
    return a.nop();
}
Error set_one(a64::Assembler &a)
{
    return a.movz(a64::w17, 1);
}

/// The slot between reading the thread pointer and using it.
void add_units(Encoder &encoder, const Distance &distance)
{
    if (distance.units == 0)
        encoder.instruction(nothing);
    else if (distance.units > 0)
        encoder.instruction([&](a64::Assembler &a) { return a.add(a64::x16, a64::x16, distance.units, a64::lsl(12)); });
    else
        encoder.instruction(
            [&](a64::Assembler &a) { return a.sub(a64::x16, a64::x16, -distance.units, a64::lsl(12)); });
}

void store_request(Encoder &encoder, const Distance &distance, const a64::Gp &value)
{
    const a64::Mem request = a64::ptr(a64::x16, distance.rest);
    encoder.instruction(
        [&](a64::Assembler &a) { return distance.is_signed ? a.sturb(value, request) : a.strb(value, request); });
}

void load_granted(Encoder &encoder, const Distance &distance)
{
    const a64::Mem granted = a64::ptr(a64::x16, distance.rest + 1);
    encoder.instruction(
        [&](a64::Assembler &a) { return distance.is_signed ? a.ldurb(a64::w16, granted) : a.ldrb(a64::w16, granted); });
}

/// b cold | nop | b end. The enabled head leads into the slots behind it, the other two around them.
void encode_head(Encoder &encoder, State state)
{
    if (state == State::compiled)
        encoder.jump(Target::cold);
    else if (state == State::enabled)
        encoder.instruction(nothing);
    else
        encoder.instruction([&](a64::Assembler &a) { return a.b(encoder.end()); });
}

// b cold, mrs, nop, mov, nop | nop, mrs, add, mov, strb | b +20, mrs, nop, mov, nop
void encode_enter(Encoder &encoder, State state, const Distance &distance)
{
    encode_head(encoder, state);
    encoder.instruction(read_thread_pointer);
    if (state == State::enabled) {
        add_units(encoder, distance);
        encoder.instruction(set_one);
        store_request(encoder, distance, a64::w17);
    } else {
        encoder.instruction(nothing).instruction(set_one).instruction(nothing);
    }
}

// b cold, mrs, nop, nop, nop, cbz, b cold | nop, mrs, add, strb, ldrb, cbz, b cold | b +28, and the rest as compiled
void encode_exit(Encoder &encoder, State state, const Distance &distance)
{
    encode_head(encoder, state);
    encoder.instruction(read_thread_pointer);
    if (state == State::enabled) {
        add_units(encoder, distance);
        store_request(encoder, distance, a64::wzr);
        load_granted(encoder, distance);
    } else {
        encoder.instruction(nothing).instruction(nothing).instruction(nothing);
    }
    encoder.instruction([&](a64::Assembler &a) { return a.cbz(a64::w16, encoder.end()); });
    encoder.jump(Target::cold);
}

// b cold | b taken | nop
void encode_branch(Encoder &encoder, State state)
{
    if (state == State::compiled)
        encoder.jump(Target::cold);
    else if (state == State::enabled)
        encoder.jump(Target::taken);
    else
        encoder.instruction(nothing);
}

Status encode_form(Encoder &encoder, const Distance &distance, Form &form)
{
    const State state = form.state;
    encoder.begin(form);
    switch (form.kind) {
    case Kind::enter:
        encode_enter(encoder, state, distance);
        break;
    case Kind::exit:
        encode_exit(encoder, state, distance);
        break;
    case Kind::branch:
        encode_branch(encoder, state);
        break;
    }
    return encoder.finish(aarch64_backend.site_size(form.kind));
}

} // namespace

Status encode_all(std::int64_t slice_ctrl, std::span<Form> forms)
{
    Distance distance;
    if (Status status = split(slice_ctrl, distance); status != Status::ok)
        return status;
    Encoder encoder;
    for (Form &form : forms) {
        if (form.state == State::foreign)
            return Status::encode_failed;
        if (Status status = encode_form(encoder, distance, form); status != Status::ok)
            return status;
    }
    return Status::ok;
}

Status place(const Form &form, const Place &place, std::uint8_t *bytes)
{
    std::memcpy(bytes, form.bytes.data(), max_site_size);
    for (unsigned i = 0; i < form.fixup_count; ++i) {
        const Fixup &fixup = form.fixups[i];
        const std::uint64_t target = fixup.target == Target::cold ? place.cold : place.taken;
        // In instructions, relative to the jump itself: 26 bits with sign.
        const auto distance = static_cast<std::int64_t>(target - (place.head + fixup.offset));
        constexpr std::int64_t limit = std::int64_t{1} << 27;
        if (distance % static_cast<std::int64_t>(slot) || distance < -limit || distance >= limit)
            return Status::target_out_of_range;
        constexpr std::uint32_t operand_bits = (1u << 26) - 1;
        std::uint32_t jump;
        std::memcpy(&jump, form.bytes.data() + fixup.offset, sizeof jump);
        jump |= static_cast<std::uint32_t>(distance >> 2) & operand_bits;
        std::memcpy(bytes + fixup.offset, &jump, sizeof jump);
    }
    return Status::ok;
}

} // namespace slicepatch::aarch64
