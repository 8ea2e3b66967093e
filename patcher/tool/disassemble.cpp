// SPDX-License-Identifier: MIT
#include "disassemble.h"

#include <Zycore/Format.h>
#include <Zydis/Zydis.h>
#include <capstone/capstone.h>

#include <array>
#include <elf.h>
#include <fmt/format.h>
#include <fmt/ranges.h> // join(), from version 11 on
#include <vector>

namespace slicepatch::tool {

namespace {

/// Zydis prints an absolute address without sign; what is relative to the thread pointer reads better with one.
ZydisFormatterFunc print_absolute;

ZyanStatus print_thread_offset(const ZydisFormatter *formatter, ZydisFormatterBuffer *buffer,
                               ZydisFormatterContext *context)
{
    const ZydisDecodedOperand *operand = context->operand;
    if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY || operand->mem.segment != ZYDIS_REGISTER_FS)
        return print_absolute(formatter, buffer, context);
    const ZyanI64 offset = operand->mem.disp.value;
    const auto magnitude = offset < 0 ? -static_cast<ZyanU64>(offset) : static_cast<ZyanU64>(offset);
    ZyanString *text = nullptr;
    ZYAN_CHECK(ZydisFormatterBufferAppend(buffer, ZYDIS_TOKEN_ADDRESS_ABS));
    ZYAN_CHECK(ZydisFormatterBufferGetString(buffer, &text));
    return ZyanStringAppendFormat(text, "%s0x%llx", offset < 0 ? "-" : "", static_cast<unsigned long long>(magnitude));
}

struct Intel {
    ZydisDecoder decoder;
    ZydisFormatter formatter;

    Intel()
    {
        ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
        constexpr std::array<std::pair<ZydisFormatterProperty, ZyanUPointer>, 5> properties{{
            {ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE},
            {ZYDIS_FORMATTER_PROP_IMM_BASE, ZYDIS_NUMERIC_BASE_DEC},
            {ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED},
            {ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED},
            {ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_PADDING_DISABLED},
        }};
        for (const auto &[property, value] : properties)
            ZydisFormatterSetProperty(&formatter, property, value);
        auto *hook = reinterpret_cast<const void *>(&print_thread_offset); // in: ours, out: the one that it replaces
        ZydisFormatterSetHook(&formatter, ZYDIS_FORMATTER_FUNC_PRINT_ADDRESS_ABS, &hook);
        print_absolute = reinterpret_cast<ZydisFormatterFunc>(const_cast<void *>(hook));
    }
};

std::string disassemble_x86_64(std::uint64_t address, std::span<const std::uint8_t> bytes)
{
    static const Intel intel;
    std::vector<std::string> texts;
    bool behind_jump = false;
    for (std::size_t offset = 0; offset < bytes.size();) {
        ZydisDecodedInstruction instruction;
        std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
        const auto rest = bytes.subspan(offset);
        std::array<char, 256> text;
        if (ZYAN_FAILED(
                ZydisDecoderDecodeFull(&intel.decoder, rest.data(), rest.size(), &instruction, operands.data())) ||
            ZYAN_FAILED(ZydisFormatterFormatInstruction(&intel.formatter, &instruction, operands.data(),
                                                        instruction.operand_count_visible, text.data(), text.size(),
                                                        address + offset, nullptr))) {
            texts.push_back(fmt::format("({} bytes are no instruction)", rest.size()));
            break;
        }
        if (behind_jump && instruction.mnemonic == ZYDIS_MNEMONIC_NOP)
            texts.push_back(fmt::format("({} bytes of filler)", instruction.length));
        else
            texts.emplace_back(text.data());
        behind_jump = instruction.mnemonic == ZYDIS_MNEMONIC_JMP;
        offset += instruction.length;
    }
    return fmt::format("{}", fmt::join(texts, "; "));
}

/// An open Capstone, or none where it has no arm64.
class Arm {
public:
    Arm()
    {
        if (cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &handle_) != CS_ERR_OK)
            handle_ = 0;
    }
    Arm(const Arm &) = delete;
    Arm &operator=(const Arm &) = delete;
    ~Arm()
    {
        if (handle_)
            cs_close(&handle_);
    }
    [[nodiscard]] std::vector<std::string> list(std::uint64_t address, std::span<const std::uint8_t> bytes) const
    {
        std::vector<std::string> texts;
        cs_insn *found = nullptr;
        const std::size_t count = handle_ ? cs_disasm(handle_, bytes.data(), bytes.size(), address, 0, &found) : 0;
        for (std::size_t i = 0; i < count; ++i)
            texts.push_back(*found[i].op_str ? fmt::format("{} {}", found[i].mnemonic, found[i].op_str)
                                             : found[i].mnemonic);
        if (found)
            cs_free(found, count);
        return texts;
    }

private:
    csh handle_ = 0;
};

std::string disassemble_aarch64(std::uint64_t address, std::span<const std::uint8_t> bytes)
{
    constexpr std::size_t slot = 4;
    static const Arm arm;
    std::vector<std::string> texts = arm.list(address, bytes);
    if (texts.size() * slot < bytes.size())
        texts.push_back(fmt::format("({} bytes are no instruction)", bytes.size() - texts.size() * slot));
    return fmt::format("{}", fmt::join(texts, "; "));
}

} // namespace

std::string disassemble(std::uint16_t machine, std::uint64_t address, std::span<const std::uint8_t> bytes)
{
    if (machine == EM_X86_64)
        return disassemble_x86_64(address, bytes);
    if (machine == EM_AARCH64)
        return disassemble_aarch64(address, bytes);
    return "";
}

} // namespace slicepatch::tool
