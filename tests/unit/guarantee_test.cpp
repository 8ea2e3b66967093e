// SPDX-License-Identifier: MIT
//
// The level follows from facts, area, request and answer alone.
#include "patcher/library/guarantee/guarantee.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>

using namespace slicepatch;

namespace {

constexpr long enabled = SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE, invariant = SLICEPATCH_PR_RSEQ_SLICE_EXT_INVARIANT,
               both = enabled | invariant;

constexpr KernelFacts stock{.features = -EINVAL, .state = 0, .rseq_offset = -160, .rseq_size = 40, .tcmalloc = false};
constexpr KernelFacts series{.features = both, .state = 0, .rseq_offset = -160, .rseq_size = 40, .tcmalloc = false};
constexpr KernelFacts old{
    .features = -EINVAL, .state = -EINVAL, .rseq_offset = -160, .rseq_size = 32, .tcmalloc = false};

constexpr GuaranteeRequest off{.off = true}, locks{.lock = true}, adopts{};

Area libc_area(const KernelFacts &facts)
{
    return {.offset = facts.rseq_offset,
            .size = facts.rseq_size,
            .owned = false,
            .state = facts.state,
            .own_refusal = nullptr};
}

KernelFacts with_state(KernelFacts facts, long state)
{
    facts.state = state;
    return facts;
}

/// What is asked of the kernel, and the level after its answer.
struct Case {
    const char *what;
    KernelFacts facts;
    GuaranteeRequest request;
    unsigned long asked;
    long answer;
    slicepatch_guarantee level;
};

const Case cases[] = {
    {"a stock kernel", stock, locks, enabled, 0, SLICEPATCH_GUARANTEE_THREAD},
    {"a stock kernel that refuses", stock, locks, enabled, -ENXIO, SLICEPATCH_GUARANTEE_NONE},
    {"a stock kernel, nothing asked for", stock, off, 0, 0, SLICEPATCH_GUARANTEE_NONE},
    {"an old kernel", old, locks, 0, 0, SLICEPATCH_GUARANTEE_NONE},
    {"the series", series, locks, both, 0, SLICEPATCH_GUARANTEE_PROCESS},
    {"the series, for one that may not lock", series, adopts, enabled, 0, SLICEPATCH_GUARANTEE_THREAD},
    {"the series, locked by another", with_state(series, both), adopts, both, 0, SLICEPATCH_GUARANTEE_PROCESS},
    {"the series, locked while it was disabled", with_state(series, invariant), locks, 0, 0, SLICEPATCH_GUARANTEE_NONE},
    {"the series, locked in between", series, locks, both, -EPERM, SLICEPATCH_GUARANTEE_NONE},
    {"the series, nothing asked for", series, off, 0, 0, SLICEPATCH_GUARANTEE_NONE},
};

} // namespace

TEST_CASE("what is asked of the kernel, and the level that its answer gives")
{
    for (const Case &one : cases) {
        CAPTURE(one.what);
        const Area area = libc_area(one.facts);
        CHECK(state_to_set(one.facts, area, one.request) == one.asked);
        const Guarantee guarantee = decide_guarantee(one.facts, area, one.request, one.answer);
        CHECK(guarantee.level == one.level);
        CHECK(!std::string(guarantee.reason).empty());
    }
}

TEST_CASE("without an area that sites may use the kernel is asked for nothing")
{
    for (const KernelFacts &facts : {stock, series}) {
        Area area = libc_area(facts);
        area.size = 0;
        CHECK(state_to_set(facts, area, locks) == 0);
        CHECK(decide_guarantee(facts, area, locks, 0).level == SLICEPATCH_GUARANTEE_NONE);
        area.own_refusal = "words of the area";
        CHECK(std::string(decide_guarantee(facts, area, locks, 0).reason) == "words of the area");
        KernelFacts tcmalloc = facts;
        tcmalloc.tcmalloc = true;
        CHECK(state_to_set(tcmalloc, libc_area(facts), locks) == 0);
        CHECK(decide_guarantee(tcmalloc, libc_area(facts), locks, 0).level == SLICEPATCH_GUARANTEE_NONE);
    }
}

TEST_CASE("a guarantee for the process is out of reach for a reason that is known before anything is changed")
{
    CHECK(process_obstacle(series, locks) == nullptr);
    CHECK(process_obstacle(with_state(series, both), adopts) == nullptr);
    CHECK(process_obstacle(series, adopts) != nullptr);
    CHECK(process_obstacle(with_state(series, invariant), locks) != nullptr);
    CHECK(process_obstacle(stock, locks) != nullptr);
    CHECK(process_obstacle(old, locks) != nullptr);
}
