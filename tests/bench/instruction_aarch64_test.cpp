// SPDX-License-Identifier: MIT
#include "patcher/bench/instruction.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <stdexcept>

using namespace slicepatch::tool::bench;

namespace {

Effects decode(std::uint32_t word)
{
    static std::uint32_t buffer;
    buffer = word;
    const Effects effects = decode_effects(reinterpret_cast<std::uintptr_t>(&buffer));
    CHECK(effects.length == sizeof word);
    return effects;
}

void check(const Effects &effects, unsigned loads, unsigned stores, bool branch, bool noop)
{
    CHECK(effects.loads == loads);
    CHECK(effects.stores == stores);
    CHECK(effects.branch == branch);
    CHECK(effects.noop == noop);
}

} // namespace

TEST_CASE("an enabled pair is its stores, its load and its branch")
{
    check(decode(0xd53bd050), 0, 0, false, false); // mrs x16, tpidr_el0
    check(decode(0x91400610), 0, 0, false, false); // add x16, x16, #1, lsl #12
    check(decode(0x52800031), 0, 0, false, false); // mov w17, #1
    check(decode(0x39007211), 0, 1, false, false); // strb w17, [x16, #28]
    check(decode(0x381e4211), 0, 1, false, false); // sturb w17, [x16, #-28]
    check(decode(0x3900721f), 0, 1, false, false); // strb wzr, [x16, #28]
    check(decode(0x39407610), 1, 0, false, false); // ldrb w16, [x16, #29]
    check(decode(0x34000050), 0, 0, true, false);  // cbz w16, . + 8
}

TEST_CASE("a no-op touches no memory and nothing else")
{
    check(decode(0xd503201f), 0, 0, false, true);
    check(decode(0xd503203f), 0, 0, false, false); // yield: a hint, which a CPU may take
    check(decode(0xd5033fdf), 0, 0, false, false); // isb
}

TEST_CASE("calls, returns and the stack are what they do to memory")
{
    check(decode(0x94000001), 0, 0, true, false);  // bl
    check(decode(0xd63f0020), 0, 0, true, false);  // blr x1
    check(decode(0xd61f0020), 0, 0, true, false);  // br x1
    check(decode(0xd65f03c0), 0, 0, true, false);  // ret
    check(decode(0x54000041), 0, 0, true, false);  // b.ne
    check(decode(0x37080040), 0, 0, true, false);  // tbnz
    check(decode(0xd4000001), 0, 0, false, false); // svc
    check(decode(0xf81f0fe0), 0, 1, false, false); // str x0, [sp, #-16]!
    check(decode(0xa9bf7bfd), 0, 1, false, false); // stp x29, x30, [sp, #-16]!
    check(decode(0xa8c17bfd), 1, 0, false, false); // ldp x29, x30, [sp], #16
}

TEST_CASE("an address that is only computed is not a load")
{
    check(decode(0x10000040), 0, 0, false, false); // adr
    check(decode(0x90000000), 0, 0, false, false); // adrp
    check(decode(0xf9800020), 0, 0, false, false); // prfm pldl1keep, [x1]
    check(decode(0x58000040), 1, 0, false, false); // ldr x0, . + 8
}

TEST_CASE("an atomic operation loads and stores")
{
    check(decode(0xb8a08041), 1, 1, false, false); // swpa w0, w1, [x2]
    check(decode(0xb8200041), 1, 1, false, false); // ldadd w0, w1, [x2]
    check(decode(0xb820005f), 1, 1, false, false); // stadd w0, [x2]
    check(decode(0x88a07c41), 1, 1, false, false); // cas w0, w1, [x2]
    check(decode(0x08207c82), 1, 1, false, false); // casp w0, w1, w2, w3, [x4]
    check(decode(0x885ffc20), 1, 0, false, false); // ldaxr w0, [x1]
    check(decode(0x8802fc20), 0, 1, false, false); // stlxr w2, w0, [x1]
    check(decode(0xc87f0440), 1, 0, false, false); // ldxp x0, x1, [x2]
    check(decode(0x88dffc20), 1, 0, false, false); // ldar w0, [x1]
    check(decode(0x889ffc20), 0, 1, false, false); // stlr w0, [x1]
}

TEST_CASE("bytes that are no instruction are an error")
{
    const std::uint32_t none = 0x02000000; // in no table of the Arm ARM, C4.1; of 0, Capstone 5 says "udf"
    CHECK_THROWS_AS((void)decode_effects(reinterpret_cast<std::uintptr_t>(&none)), std::runtime_error);
}
