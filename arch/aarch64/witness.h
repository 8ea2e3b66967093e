// SPDX-License-Identifier: MIT
//
// Decoding without a decoder: comparison with what the assembler wrote (witness.S).
#ifndef SLICEPATCH_ARCH_AARCH64_WITNESS_H
#define SLICEPATCH_ARCH_AARCH64_WITNESS_H

#include "../backend.h"

namespace slicepatch::aarch64 {

/// As Backend::decode. decoder_missing where the assembler of this build is another architecture's.
Status witness_decode(Kind kind, const Place &place, std::span<const std::uint8_t> bytes, Decoded &decoded);

} // namespace slicepatch::aarch64

#endif
