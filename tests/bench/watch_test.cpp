// SPDX-License-Identifier: MIT
//
// What `slicepatch bench` measures contended locks with.
#include "watch.h"

#include <doctest/doctest.h>

#include <ctime>

using namespace contention;

namespace {

void sleep_a_little()
{
    const timespec time{0, 1'000'000};
    (void)nanosleep(&time, nullptr); // shorter is as good: it has given up its CPU
}

/// What finds the rseq area comes with the sites of an object.
void section()
{
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
}

} // namespace

TEST_CASE("a quantile of durations is at most a thirty-second too low, and never too high")
{
    for (const uint64_t ticks : {uint64_t{0}, uint64_t{1}, uint64_t{31}, uint64_t{32}, uint64_t{33}, uint64_t{1000},
                                 uint64_t{123456789}, uint64_t{1} << 40, ~uint64_t{0}}) {
        Histogram histogram;
        histogram.add(ticks);
        CAPTURE(ticks);
        CHECK(histogram.quantile(0.5) <= static_cast<double>(ticks));
        CHECK(histogram.quantile(0.5) >= static_cast<double>(ticks) * 31 / 32);
    }
}

TEST_CASE("quantiles of several threads' durations are in their order")
{
    Histogram one, other;
    for (uint64_t ticks = 1; ticks <= 50; ++ticks)
        one.add(ticks * 100);
    for (uint64_t ticks = 51; ticks <= 100; ++ticks)
        other.add(ticks * 100);
    one += other;
    CHECK(one.quantile(0) == doctest::Approx(100).epsilon(0.04));
    CHECK(one.quantile(0.5) == doctest::Approx(5100).epsilon(0.04));
    CHECK(one.quantile(0.99) == doctest::Approx(10000).epsilon(0.04));
    CHECK(Histogram().quantile(0.99) == 0);
}

TEST_CASE("a thread that gave up its CPU in a section is seen, one that kept it is not")
{
    SwitchWatch watch;
    REQUIRE(watch.attach());
    watch.begin();
    sleep_a_little();
    CHECK(watch.end());
    bool kept = false;
    for (int i = 0; i < 1000 && !kept; ++i) { // a busy machine may take the CPU now and then
        watch.begin();
        section();
        kept = !watch.end();
    }
    CHECK(kept);
}

TEST_CASE("what was seen in one section is forgotten in the next")
{
    SwitchWatch watch;
    REQUIRE(watch.attach());
    bool kept = false;
    for (int i = 0; i < 1000 && !kept; ++i) {
        watch.begin();
        sleep_a_little();
        (void)watch.end(); // true, as above
        watch.begin();
        kept = !watch.end();
    }
    CHECK(kept);
}
