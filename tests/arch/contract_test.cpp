// SPDX-License-Identifier: MIT
//
// What every backend promises in backend.h.
#include "golden.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

namespace slicepatch::tests {

namespace {

const Backend *const backends[] = {&x86_64_backend, &aarch64_backend};
constexpr Place place{.head = 0x401000, .cold = 0x401100, .taken = 0x401080};
constexpr std::int64_t slice_ctrl = -1252;

struct Bytes {
    std::uint8_t data[max_site_size];
    std::uint8_t size;
};

Bytes make(const Backend &backend, Kind kind, State state, std::int64_t offset = slice_ctrl)
{
    Form form;
    Bytes bytes{};
    REQUIRE(backend.encode(kind, state, offset, form) == Status::ok);
    REQUIRE(backend.place(form, place, bytes.data) == Status::ok);
    bytes.size = form.size;
    return bytes;
}

template <class Check> void for_each_form(Check check)
{
    for (const Backend *backend : backends)
        for (Kind kind : all_kinds)
            for (State state : encoded_states) {
                const std::string form = std::string(backend->name) + " " + kind_name(kind) + " " + state_name(state);
                CAPTURE(form);
                check(*backend, kind, state);
            }
}

} // namespace

TEST_CASE("a backend is found by its machine number and nothing else is")
{
    for (const Backend *backend : backends)
        CHECK(find_backend(backend->machine) == backend);
    CHECK(find_backend(0) == nullptr);
    CHECK(find_backend(3) == nullptr); // EM_386
}

TEST_CASE("live writes are proven on all of arm64, and on what says itself that AMD made it")
{
    std::ifstream file("/proc/cpuinfo");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    REQUIRE(!text.empty());
    const bool is_amd = text.find(": AuthenticAMD\n") != std::string::npos;
    CHECK(live_writes_proven() == (&host_backend() == &aarch64_backend || is_amd));
}

TEST_CASE("every form has the size of its site in every state")
{
    for_each_form([](const Backend &backend, Kind kind, State state) {
        CHECK(make(backend, kind, state).size == backend.site_size(kind));
        CHECK(backend.site_size(kind) <= max_site_size);
    });
}

TEST_CASE("a decoder reads back the state that was encoded, and the place of the request byte")
{
    for_each_form([](const Backend &backend, Kind kind, State state) {
        const Bytes bytes = make(backend, kind, state);
        Decoded decoded;
        REQUIRE(backend.decode(kind, place, {bytes.data, bytes.size}, decoded) == Status::ok);
        CHECK(decoded.state == state);
        if (state == State::enabled && kind != Kind::branch)
            CHECK(decoded.slice_ctrl == slice_ctrl);
    });
}

TEST_CASE("no single changed bit of a request or of a jump goes unnoticed")
{
    // Of x86-64's enabled forms two bits have no meaning: the scale of an address without an index. The operands of its
    // no-ops have none either; they are not in this test.
    for_each_form([](const Backend &backend, Kind kind, State state) {
        const bool is_x86_64 = &backend == &x86_64_backend;
        if (state == State::off && is_x86_64)
            return;
        const bool requests = state == State::enabled && kind != Kind::branch;
        constexpr unsigned jump_size = 5;
        Form form;
        REQUIRE(backend.encode(kind, state, slice_ctrl, form) == Status::ok);
        const Bytes good = make(backend, kind, state);
        unsigned unnoticed = 0;
        for (unsigned bit = 0; bit < (is_x86_64 && !requests ? jump_size : good.size) * 8u; ++bit) {
            Bytes bad = good;
            bad.data[bit / 8] = static_cast<std::uint8_t>(bad.data[bit / 8] ^ 1u << bit % 8);
            unnoticed += backend.verify(form, place, slice_ctrl, {bad.data, bad.size}) == Status::ok;
        }
        CHECK(unnoticed == (is_x86_64 && requests ? 2 : 0));
    });
}

TEST_CASE("an instruction that only resembles one of a form makes the site foreign")
{
    const struct {
        const Backend &backend;
        Kind kind;
        State state;
        std::int64_t slice_ctrl;
        unsigned offset;
        std::string instruction;
        std::vector<std::uint8_t> bytes;
    } likenesses[] = {
        {x86_64_backend, Kind::exit, State::enabled, -1252, 0, "rolb $1, %fs:-1252", {0x64, 0xd0, 0x04, 0x25}},
        {aarch64_backend, Kind::enter, State::compiled, 60, 0, "b.eq cold", {0x00, 0x08, 0x00, 0x54}},
        {aarch64_backend, Kind::enter, State::enabled, 60, 16, "strb w17, [x16], #60", {0x11, 0xc6, 0x03, 0x38}},
        {aarch64_backend, Kind::enter, State::enabled, 60, 16, "strb w17, [x16, #60]!", {0x11, 0xce, 0x03, 0x38}},
        {aarch64_backend, Kind::enter, State::enabled, 60, 12, "mov w17, #0x10000", {0x31, 0x00, 0xa0, 0x52}},
        {aarch64_backend, Kind::enter, State::enabled, 4096, 8, "adds x16, x16, #1, lsl #12", {0x10, 0x06, 0x40, 0xb1}},
        {aarch64_backend, Kind::enter, State::enabled, -4096, 8, "sub x17, x16, #1, lsl #12", {0x11, 0x06, 0x40, 0xd1}},
        {aarch64_backend, Kind::exit, State::enabled, 60, 20, "cbnz w16, end", {0x50, 0x00, 0x00, 0x35}},
    };
    for (const auto &likeness : likenesses) {
        CAPTURE(likeness.instruction);
        Bytes bytes = make(likeness.backend, likeness.kind, likeness.state, likeness.slice_ctrl);
        std::copy(likeness.bytes.begin(), likeness.bytes.end(), bytes.data + likeness.offset);
        Decoded decoded;
        REQUIRE(likeness.backend.decode(likeness.kind, place, {bytes.data, bytes.size}, decoded) == Status::ok);
        CHECK(decoded.state == State::foreign);
    }
}

TEST_CASE("a form of another kind, state or request byte does not verify")
{
    for_each_form([](const Backend &backend, Kind kind, State state) {
        Form form;
        REQUIRE(backend.encode(kind, state, slice_ctrl, form) == Status::ok);
        for (State other : encoded_states) {
            const Bytes bytes = make(backend, kind, other);
            const Status status = backend.verify(form, place, slice_ctrl, {bytes.data, bytes.size});
            CHECK(status == (other == state ? Status::ok : Status::verify_failed));
        }
        if (state == State::enabled && kind != Kind::branch) {
            const Bytes bytes = make(backend, kind, state, slice_ctrl + 1);
            CHECK(backend.verify(form, place, slice_ctrl, {bytes.data, bytes.size}) == Status::verify_failed);
        }
    });
}

TEST_CASE("bytes that are too few, too many or no code at all are foreign")
{
    for_each_form([](const Backend &backend, Kind kind, State state) {
        const Bytes bytes = make(backend, kind, state);
        Decoded decoded;
        CHECK(backend.decode(kind, place, {bytes.data, bytes.size - 1u}, decoded) == Status::ok);
        CHECK(decoded.state == State::foreign);
        CHECK(backend.decode(kind, place, {bytes.data, bytes.size + 1u}, decoded) == Status::ok);
        CHECK(decoded.state == State::foreign);
        std::uint8_t junk[max_site_size];
        std::memset(junk, 0xcc, sizeof junk);
        CHECK(backend.decode(kind, place, {junk, bytes.size}, decoded) == Status::ok);
        CHECK(decoded.state == State::foreign);
    });
}

TEST_CASE("only the head differs between a compiled site and one that is off, or enabled where one store is enough")
{
    for (const Backend *backend : backends)
        for (Kind kind : {Kind::enter, Kind::exit}) {
            const Bytes compiled = make(*backend, kind, State::compiled);
            // x86-64 has the place of the request byte in its head, arm64 behind it.
            const State other = backend == &x86_64_backend ? State::enabled : State::off;
            const Bytes changed = make(*backend, kind, other);
            CHECK(!std::memcmp(compiled.data + backend->head_size, changed.data + backend->head_size,
                               compiled.size - backend->head_size));
        }
}

TEST_CASE("foreign is not a state that can be encoded")
{
    for (const Backend *backend : backends) {
        Form form;
        CHECK(backend->encode(Kind::enter, State::foreign, slice_ctrl, form) == Status::encode_failed);
    }
}

} // namespace slicepatch::tests
