// SPDX-License-Identifier: MIT
//
// What the files of this backend share.
#ifndef SLICEPATCH_ARCH_X86_64_BACKEND_H
#define SLICEPATCH_ARCH_X86_64_BACKEND_H

#include "../backend.h"

namespace slicepatch::x86_64 {

inline constexpr std::uint16_t machine = 62; // EM_X86_64
inline constexpr std::size_t head_size = 8;
// A 32-bit displacement counts from the end of its instruction, which is inside the site (Intel SDM vol. 2A, "Jcc").
inline constexpr std::uint32_t reach = 0x7fff'ffff - max_site_size;
inline constexpr std::array<std::uint8_t, all_kinds.size()> site_sizes{9, 14, 8};

Status encode_all(std::int64_t slice_ctrl, std::span<Form> forms);
Status place(const Form &form, const Place &place, std::uint8_t *bytes);
Status decode(Kind kind, const Place &place, std::span<const std::uint8_t> bytes, Decoded &decoded);
bool find_target(std::uint64_t head, std::span<const std::uint8_t> bytes, std::uint64_t &target);
Status verify(const Form &form, const Place &place, std::int64_t slice_ctrl, std::span<const std::uint8_t> bytes);
const char *verifier();
bool load_decoder();
Status sync_text(std::uintptr_t begin, std::uintptr_t end);
Status sync_threads();
int guard_protection();

} // namespace slicepatch::x86_64

#endif
