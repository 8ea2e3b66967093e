// SPDX-License-Identifier: MIT
//
// Encodes the three forms of each kind with AsmJit, the only file of this backend that knows it.
#include "x86_64.h"

#include <asmjit/x86.h>

#include <cstring>
#include <limits>

namespace slicepatch::x86_64 {

using namespace asmjit;

namespace {

constexpr std::size_t room_size = 2048; // bytes that a CodeHolder with a few instructions and labels needs at most

/// Forms in the making, one behind the other. Every emitted instruction's size is checked: AsmJit may choose another
/// encoding, or answer Ok for a jump that it could not encode.
class Encoder {
public:
    Encoder() : environment_(Arch::kX64)
    {
        ok_ = code_.init(environment_, 0) == kErrorOk && code_.attach(&assembler_) == kErrorOk;
    }

    void begin(Form &form)
    {
        form_ = &form;
        form.fixup_count = 0;
        begin_ = assembler_.offset();
    }

    template <class Emit> Encoder &instruction(std::size_t size, Emit emit)
    {
        const std::size_t before = assembler_.offset();
        ok_ = ok_ && emit(assembler_) == kErrorOk && assembler_.offset() - before == size;
        return *this;
    }

    /// A jump whose 32-bit operand, its last bytes, is filled in for each site. Encoded to itself.
    template <class Emit> Encoder &jump(std::size_t size, Target target, Emit emit)
    {
        const Label here = assembler_.newLabel();
        ok_ = ok_ && assembler_.bind(here) == kErrorOk && form_->fixup_count < form_->fixups.size();
        instruction(size, [&](x86::Assembler &a) { return emit(a, here); });
        if (ok_)
            form_->fixups[form_->fixup_count++] = {static_cast<std::uint8_t>(assembler_.offset() - begin_ - 4), target};
        return *this;
    }

    Status finish(std::size_t size)
    {
        const CodeBuffer &buffer = code_.sectionById(0)->buffer();
        if (!ok_ || buffer.size() - begin_ != size || size > form_->bytes.size())
            return Status::encode_failed;
        std::memcpy(form_->bytes.data(), buffer.data() + begin_, size);
        for (unsigned i = 0; i < form_->fixup_count; ++i) {
            const std::size_t operand = form_->fixups[i].offset;
            std::memset(form_->bytes.data() + operand, 0, 4); // place() adds the distance
            if (operand / 8 != (operand + 3) / 8 || operand + 4 > 16)
                return Status::encode_failed;
        }
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
    x86::Assembler assembler_;
    bool ok_ = false;
};

// No-ops of one instruction each; the operand is never accessed (Intel SDM vol. 2B, "NOP"). The 9-byte one ends in the
// same byte 01 as ENTER's other forms, so that it changes with the head alone.
Error nop3(x86::Assembler &a)
{
    return a.nop(x86::dword_ptr(x86::rax));
}
Error nop4(x86::Assembler &a)
{
    return a.nop(x86::dword_ptr(x86::rax, 1));
}
Error nop6(x86::Assembler &a)
{
    return a.nop(x86::word_ptr(x86::rax, x86::rax, 0, 0x40));
}
Error nop8(x86::Assembler &a)
{
    return a.nop(x86::dword_ptr(x86::rax, x86::rax, 0, 0x01000000));
}
Error nop9(x86::Assembler &a)
{
    return a.nop(x86::word_ptr(x86::rax, x86::rax, 0, 0x01000000));
}

Error jump_always(x86::Assembler &a, const Label &target)
{
    return a.long_().jmp(target);
}
Error jump_not_carry(x86::Assembler &a, const Label &target)
{
    return a.long_().jnc(target);
}

x86::Mem request_byte(std::int64_t slice_ctrl)
{
    x86::Mem request = x86::ptr_abs(static_cast<std::uint64_t>(slice_ctrl), 1);
    request.setSegment(x86::fs);
    return request;
}

// e9 rel32 0f 1f 40 01 | 64 c6 04 25 disp32 01 | 66 0f 1f 84 00 00 00 00 01
void encode_enter(Encoder &encoder, State state, std::int64_t slice_ctrl)
{
    if (state == State::compiled)
        encoder.jump(5, Target::cold, jump_always).instruction(4, nop4);
    else if (state == State::enabled)
        encoder.instruction(9, [&](x86::Assembler &a) { return a.mov(request_byte(slice_ctrl), 1); });
    else
        encoder.instruction(9, nop9);
}

// e9 rel32 0f 1f 00 0f 83 rel32 | 64 d0 2c 25 disp32 0f 83 rel32 | 0f 1f 84 00 00 00 00 01 66 0f 1f 44 00 40
void encode_exit(Encoder &encoder, State state, std::int64_t slice_ctrl)
{
    if (state == State::compiled)
        encoder.jump(5, Target::cold, jump_always).instruction(3, nop3);
    else if (state == State::enabled)
        encoder.instruction(8, [&](x86::Assembler &a) { return a.shr(request_byte(slice_ctrl), 1); });
    else
        encoder.instruction(8, nop8).instruction(6, nop6);
    if (state != State::off)
        encoder.jump(6, Target::cold, jump_not_carry);
}

// e9 rel32 0f 1f 00 | e9 rel32 0f 1f 00 | 0f 1f 84 00 00 00 00 01
void encode_branch(Encoder &encoder, State state)
{
    if (state == State::compiled)
        encoder.jump(5, Target::cold, jump_always).instruction(3, nop3);
    else if (state == State::enabled)
        encoder.jump(5, Target::taken, jump_always).instruction(3, nop3);
    else
        encoder.instruction(8, nop8);
}

Status encode_form(Encoder &encoder, std::int64_t slice_ctrl, Form &form)
{
    const State state = form.state;
    encoder.begin(form);
    switch (form.kind) {
    case Kind::enter:
        encode_enter(encoder, state, slice_ctrl);
        break;
    case Kind::exit:
        encode_exit(encoder, state, slice_ctrl);
        break;
    case Kind::branch:
        encode_branch(encoder, state);
        break;
    }
    return encoder.finish(x86_64_backend.site_size(form.kind));
}

} // namespace

Status encode_all(std::int64_t slice_ctrl, std::span<Form> forms)
{
    // disp32 is sign-extended, and an absolute address has no other form here (Intel SDM vol. 2A, 2.2.1.3).
    if (slice_ctrl < std::numeric_limits<std::int32_t>::min() || slice_ctrl > std::numeric_limits<std::int32_t>::max())
        return Status::offset_out_of_range;
    Encoder encoder;
    for (Form &form : forms) {
        if (form.state == State::foreign)
            return Status::encode_failed;
        if (Status status = encode_form(encoder, slice_ctrl, form); status != Status::ok)
            return status;
    }
    return Status::ok;
}

Status place(const Form &form, const Place &place, std::uint8_t *bytes)
{
    // This runs for every site of a process, several times: whole words in registers, since a load that follows a
    // smaller store into it would have to wait for it. No operand crosses from one to the other.
    constexpr unsigned word_size = sizeof(std::uint64_t);
    std::uint64_t first, second;
    std::memcpy(&first, form.bytes.data(), word_size);
    std::memcpy(&second, form.bytes.data() + word_size, word_size);
    for (unsigned i = 0; i < form.fixup_count; ++i) {
        const Fixup &fixup = form.fixups[i];
        const std::uint64_t target = fixup.target == Target::cold ? place.cold : place.taken;
        // Relative to the end of the instruction, which is where the operand ends.
        const auto distance = static_cast<std::int64_t>(target - (place.head + fixup.offset + 4));
        const auto operand = static_cast<std::int32_t>(distance);
        if (operand != distance)
            return Status::target_out_of_range;
        const std::uint64_t shifted = std::uint64_t{static_cast<std::uint32_t>(operand)}
                                      << fixup.offset % word_size * 8;
        first |= fixup.offset < word_size ? shifted : 0;
        second |= fixup.offset < word_size ? 0 : shifted;
    }
    asm("" : "+r"(first), "+r"(second)); // gcc 12 would make them one vector, which takes the way through memory
    std::memcpy(bytes, &first, word_size);
    std::memcpy(bytes + word_size, &second, word_size);
    return Status::ok;
}

} // namespace slicepatch::x86_64
