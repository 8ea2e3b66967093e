// SPDX-License-Identifier: MIT
#include "patcher/bench/instruction.h"
#include "patcher/tool/error.h"

#include <Zydis/Zydis.h>

namespace slicepatch::tool::bench {

namespace {

bool transfers_control(ZydisInstructionCategory category)
{
    switch (category) {
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_CALL:
    case ZYDIS_CATEGORY_RET:
        return true;
    default:
        return false;
    }
}

} // namespace

Effects decode_effects(std::uintptr_t address)
{
    ZydisDecoder decoder;
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, reinterpret_cast<const void *>(address),
                                             ZYDIS_MAX_INSTRUCTION_LENGTH, &instruction, operands)))
        throw Error("bench: no instruction at {:#x}", address);

    Effects effects{instruction.length, 0, 0, transfers_control(instruction.meta.category),
                    instruction.mnemonic == ZYDIS_MNEMONIC_NOP};
    if (effects.noop) // the operand of a long no-op is never accessed
        return effects;
    for (unsigned i = 0; i < instruction.operand_count; ++i) { // hidden ones too: the stack of a call
        const ZydisDecodedOperand &operand = operands[i];
        if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.mem.type != ZYDIS_MEMOP_TYPE_MEM)
            continue;
        effects.loads += (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
        effects.stores += (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    }
    return effects;
}

} // namespace slicepatch::tool::bench
