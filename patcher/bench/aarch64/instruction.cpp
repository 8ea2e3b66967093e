// SPDX-License-Identifier: MIT
#include "patcher/bench/instruction.h"
#include "patcher/tool/error.h"

#include <capstone/capstone.h>

#include <cstring>
#include <string_view>

namespace slicepatch::tool::bench {

namespace {

constexpr unsigned instruction_size = 4;

class Decoder {
public:
    Decoder()
    {
        if (cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &handle_) != CS_ERR_OK)
            throw Error("bench: no memory for a decoder");
        cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON); // cannot fail where Capstone was not built without details
        instruction_ = cs_malloc(handle_);
    }
    Decoder(const Decoder &) = delete;
    Decoder &operator=(const Decoder &) = delete;
    ~Decoder()
    {
        cs_free(instruction_, 1);
        cs_close(&handle_);
    }

    /// Null for bytes that it does not know; good until the next call.
    const cs_insn *decode(std::uintptr_t address)
    {
        auto *bytes = reinterpret_cast<const std::uint8_t *>(address);
        std::size_t size = instruction_size;
        std::uint64_t at = address;
        return cs_disasm_iter(handle_, &bytes, &size, &at, instruction_) ? instruction_ : nullptr;
    }
    [[nodiscard]] bool is_in(cs_group_type group) const
    {
        return cs_insn_group(handle_, instruction_, group);
    }

private:
    csh handle_ = 0;
    cs_insn *instruction_ = nullptr;
};

/// The atomic operations on memory of FEAT_LSE, compare-and-swap among them, which Capstone 4 does not know and whose
/// names do not tell (Arm ARM DDI 0487, C4.1 "Atomic memory operations", "Compare and swap", "... pair"). LDAPR, in the
/// same table, only loads.
bool loads_and_stores(std::uint32_t word)
{
    const bool operation = (word & 0x3f200c00) == 0x38200000 && (word & 0xf000) != 0xc000;
    const bool compare_and_swap = (word & 0x3fa07c00) == 0x08a07c00, pair = (word & 0xbfa07c00) == 0x08207c00;
    return operation || compare_and_swap || pair;
}

} // namespace

Effects decode_effects(std::uintptr_t address)
{
    std::uint32_t word;
    std::memcpy(&word, reinterpret_cast<const void *>(address), sizeof word);
    if (loads_and_stores(word))
        return {instruction_size, 1, 1, false, false};

    static Decoder decoder;
    const cs_insn *instruction = decoder.decode(address);
    if (!instruction)
        throw Error("bench: no instruction at {:#x}", address);
    const bool branch = decoder.is_in(CS_GRP_JUMP) || decoder.is_in(CS_GRP_CALL) || decoder.is_in(CS_GRP_RET);
    // By their names, which is how this architecture tells them apart: what Capstone says of the use of an operand is
    // wrong for half of them.
    const std::string_view name = instruction->mnemonic;
    return {instruction_size, name.starts_with("ld"), name.starts_with("st"), branch, instruction->id == ARM64_INS_NOP};
}

} // namespace slicepatch::tool::bench
