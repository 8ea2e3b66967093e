// SPDX-License-Identifier: MIT
//
// What every backend promises in backend.h.
#include "golden.h"

#include <doctest/doctest.h>

#include <cstring>

namespace slicepatch::tests {

namespace {

const Backend *const backends[] = {&x86_64_backend};
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
    // Of x86-64's enabled forms two bits have no meaning: the scale of an address without an index. The operands of
    // no-ops have none either; they are not in this test.
    for_each_form([](const Backend &backend, Kind kind, State state) {
        if (state == State::off)
            return;
        const bool requests = state == State::enabled && kind != Kind::branch;
        constexpr unsigned jump_size = 5;
        Form form;
        REQUIRE(backend.encode(kind, state, slice_ctrl, form) == Status::ok);
        const Bytes good = make(backend, kind, state);
        unsigned unnoticed = 0;
        for (unsigned bit = 0; bit < (requests ? good.size : jump_size) * 8u; ++bit) {
            Bytes bad = good;
            bad.data[bit / 8] = static_cast<std::uint8_t>(bad.data[bit / 8] ^ 1u << bit % 8);
            unnoticed += backend.verify(form, place, slice_ctrl, {bad.data, bad.size}) == Status::ok;
        }
        CHECK(unnoticed == (requests ? 2 : 0));
    });
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

TEST_CASE("only the head differs between a compiled and an enabled site")
{
    for (const Backend *backend : backends)
        for (Kind kind : {Kind::enter, Kind::exit}) {
            const Bytes compiled = make(*backend, kind, State::compiled);
            const Bytes enabled = make(*backend, kind, State::enabled);
            if (backend == &x86_64_backend) // where the tail never changes, one store enables a site
                CHECK(!std::memcmp(compiled.data + backend->head_size, enabled.data + backend->head_size,
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
