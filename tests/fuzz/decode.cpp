// SPDX-License-Identifier: MIT
//
// Any bytes at a site: the two decoders agree, and what one of them understands is what the encoder writes.
#include "arch/aarch64/witness.h"
#include "arch/x86_64/witness.h"

#include <cstdlib>
#include <cstring>
#include <iterator>

using namespace slicepatch;

namespace {

void check(bool holds)
{
    if (!holds)
        std::abort();
}

struct Architecture {
    const Backend &backend;
    decltype(Backend::decode) witness;
};

const Architecture architectures[] = {
    {x86_64_backend, x86_64::witness_decode},
    {aarch64_backend, aarch64::witness_decode},
};

void check_site(const Architecture &architecture, Kind kind, const Place &place, std::span<const std::uint8_t> bytes)
{
    const Backend &backend = architecture.backend;
    Decoded decoded, witnessed{State::foreign, 0};
    check(backend.decode(kind, place, bytes, decoded) == Status::ok);
    const Status witness = architecture.witness(kind, place, bytes, witnessed);
    check(witness == (&backend == &host_backend() ? Status::ok : Status::decoder_missing));
    // The assembler wrote one spelling of each form; the decoder may know more, of no-ops for example, but never less.
    if (witnessed.state != State::foreign)
        check(decoded.state == witnessed.state && decoded.slice_ctrl == witnessed.slice_ctrl);
    if (decoded.state == State::foreign)
        return;
    Form form;
    check(backend.encode(kind, decoded.state, decoded.slice_ctrl, form) == Status::ok);
    check(backend.verify(form, place, decoded.slice_ctrl, bytes) == Status::ok);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    // First a valid site, then the input's changes to it: pure noise would hardly ever decode.
    constexpr Place place{.head = 0x401000, .cold = 0x401100, .taken = 0x400f00};
    if (size < 2)
        return 0;
    const Architecture &architecture = architectures[data[0] / all_kinds.size() % std::size(architectures)];
    const Kind kind = all_kinds[data[0] % all_kinds.size()];
    const State state = encoded_states[data[1] % encoded_states.size()];
    Form form;
    std::uint8_t bytes[max_site_size];
    check(architecture.backend.encode(kind, state, -1252, form) == Status::ok);
    check(architecture.backend.place(form, place, bytes) == Status::ok);
    check_site(architecture, kind, place, {bytes, form.size});
    for (std::size_t i = 2; i + 1 < size; i += 2)
        bytes[data[i] % form.size] = data[i + 1];
    check_site(architecture, kind, place, {bytes, form.size});
    check_site(architecture, kind, place, {data, size < max_site_size ? size : max_site_size});
    return 0;
}
