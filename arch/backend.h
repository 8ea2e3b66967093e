// SPDX-License-Identifier: MIT
//
// The contract of an architecture, stated once. arch/NAME/ fills one `struct Backend`: encode.cpp (AsmJit), verify.cpp
// (a decoder; where there is none, witness.cpp has the assembler's opinion) and sync.cpp (what the CPU needs after a
// write). encode, place, decode and verify are pure and compile on every host, so that any host can prove the bytes of
// every architecture. The library holds its host's backend alone (host.cpp); the program and the tests hold all of them
// (backends.cpp).
#ifndef SLICEPATCH_BACKEND_H
#define SLICEPATCH_BACKEND_H

#include "status.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace slicepatch {

enum class Kind : std::uint8_t { enter = 1, exit = 2, branch = 3 }; // the numbers of <slicepatch/site.h>
enum class State : std::uint8_t { compiled = 0, enabled = 1, off = 2, foreign = 3 };

inline constexpr std::array all_kinds{Kind::enter, Kind::exit, Kind::branch};
inline constexpr std::array encoded_states{State::compiled, State::enabled, State::off};

const char *kind_name(Kind kind);
const char *state_name(State state);

/// Where one site is and where its jumps go: addresses in the process, or link-time addresses in a file.
struct Place {
    std::uint64_t head;
    std::uint64_t cold;
    std::uint64_t taken; // branch only
};

inline constexpr std::size_t max_site_size = 32;

/// A relative operand in a form: which target it takes. How it is stored is the architecture's business.
enum class Target : std::uint8_t { cold, taken };
struct Fixup {
    std::uint8_t offset;
    Target target;
};

/// All bytes of a site of one kind in one state, encoded once per process; place() fills in a site's own targets.
struct Form {
    Kind kind;
    State state;
    std::uint8_t size;
    std::uint8_t fixup_count;
    std::array<Fixup, 2> fixups;
    std::array<std::uint8_t, max_site_size> bytes;
};

/// What decode() understood. slice_ctrl is meaningful only for an enabled ENTER or EXIT.
struct Decoded {
    State state;
    std::int64_t slice_ctrl; // request byte, bytes from the thread pointer
};

struct Backend {
    const char *name;
    std::uint16_t machine;       // ELF e_machine
    std::uint8_t head_size;      // bytes that one store changes under running threads
    std::uint8_t site_alignment; // a power of two

    std::uint32_t reach; // place() never fails for instructions that are at most so many bytes from the head
    std::array<std::uint8_t, all_kinds.size()> site_sizes; // bytes of a site, the same in every state; by kind

    /// Encodes each of these forms, whose kind and state say which it is. All of them at once, since an assembler costs
    /// more to set up than to use. offset_out_of_range when slice_ctrl cannot be an operand; then nothing is.
    Status (*encode_all)(std::int64_t slice_ctrl, std::span<Form> forms);

    /// The bytes for one site: form.size of them, in room for max_site_size; what lies behind them is undefined, as
    /// all are after target_out_of_range, when a jump cannot reach.
    Status (*place)(const Form &form, const Place &place, std::uint8_t *bytes);

    /// Understands the bytes of a site, by a decoder and not by comparison with our own encoding. Bytes that are none
    /// of the three forms are State::foreign and Status::ok; decoder_missing when there is none to ask.
    Status (*decode)(Kind kind, const Place &place, std::span<const std::uint8_t> bytes, Decoded &decoded);

    /// Where the jump leads that starts these bytes of a file, if one does that is a compiled head: how a site that no
    /// record names is recognised, place() being asked for the rest.
    bool (*find_target)(std::uint64_t head, std::span<const std::uint8_t> bytes, std::uint64_t &target);

    /// Proves that bytes are exactly that form: length, operands, no other effect.
    Status (*verify)(const Form &form, const Place &place, std::int64_t slice_ctrl,
                     std::span<const std::uint8_t> bytes);

    /// What proves: "Zydis", "assembler", ...
    const char *(*verifier)();

    /// Loads the decoder where the program is not linked with it, so that decode() and verify() ask it and no longer the
    /// assembler. False where there is none, and nothing changes. Waits for the loader's locks. Thread-safe.
    bool (*load_decoder)();

    /// After bytes in [begin, end), all of them mapped, were written: instruction fetches find them, those of this
    /// thread at once and those of others when they next synchronise.
    Status (*sync_text)(std::uintptr_t begin, std::uintptr_t end);

    /// While other threads run: between sync_text() of all tails and the first head, so that no thread follows a new
    /// head to a tail that it fetched before. Also called before the first byte is written, to fail then if it must.
    Status (*sync_threads)();

    /// The bit of mprotect() with which text, here, may be guarded: indirect jumps then end at landing pads alone. 0
    /// where there is none. A change of the protection of text has to keep it.
    int (*guard_protection)();

    [[nodiscard]] Status encode(Kind kind, State state, std::int64_t slice_ctrl, Form &form) const
    {
        form = {.kind = kind, .state = state, .size = 0, .fixup_count = 0, .fixups = {}, .bytes = {}};
        return encode_all(slice_ctrl, {&form, 1});
    }

    [[nodiscard]] std::size_t site_size(Kind kind) const
    {
        return site_sizes[static_cast<unsigned>(kind) - 1];
    }
};

extern const Backend x86_64_backend;
extern const Backend aarch64_backend;

/// The one that this program runs on.
const Backend &host_backend();
/// Whether the CPU that this runs on is known to run correctly while an aligned head is rewritten under it.
bool live_writes_proven();
/// The backend of an ELF machine number; null if there is none. Not in the library.
const Backend *find_backend(std::uint16_t machine);

} // namespace slicepatch

#endif
