// SPDX-License-Identifier: MIT
//
// What `slicepatch bench` measures contended locks with.
#include "watch.h"
#include "tests/skip.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <sched.h>
#include <thread>

using namespace contention;

namespace {

/// Somebody who wants the CPU that this thread is on, and keeps it there.
class Competitor {
public:
    Competitor()
    {
        cpu_set_t here;
        CPU_ZERO(&here);
        CPU_SET(sched_getcpu(), &here);
        REQUIRE(sched_getaffinity(0, sizeof before_, &before_) == 0);
        REQUIRE(sched_setaffinity(0, sizeof here, &here) == 0); // and for the thread, which inherits it
        thread_ = std::thread([this] {
            while (!stop_)
                ;
        });
    }
    Competitor(const Competitor &) = delete;
    Competitor &operator=(const Competitor &) = delete;
    ~Competitor()
    {
        stop_ = true;
        thread_.join();
        (void)sched_setaffinity(0, sizeof before_, &before_); // it was valid before
    }

private:
    cpu_set_t before_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

/// In one section, until an interrupt gives the CPU to somebody else; false if that takes too long. Without a system
/// call: what happens in one is not seen.
bool lose_cpu(const SwitchWatch &watch)
{
    constexpr auto long_enough = std::chrono::milliseconds(100);
    for (int i = 0; i < 100; ++i) {
        watch.begin();
        for (const auto begin = std::chrono::steady_clock::now();
             std::chrono::steady_clock::now() < begin + long_enough;)
            ;
        if (watch.end())
            return true;
    }
    return false;
}

/// Emulators of processes register no areas.
void attach(SwitchWatch &watch)
{
    const bool attached = watch.attach();
    if (!attached && slicepatch::test::emulator())
        slicepatch::test::skip(std::string(slicepatch::test::emulator()) + ": threads have no rseq area");
    REQUIRE(attached);
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

TEST_CASE("a thread that lost its CPU in a section is seen, one that kept it is not")
{
    SwitchWatch watch;
    attach(watch);
    {
        const Competitor competitor;
        CHECK(lose_cpu(watch));
    }
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
    attach(watch);
    const Competitor competitor;
    bool kept = false;
    for (int i = 0; i < 10 && !kept; ++i) {
        REQUIRE(lose_cpu(watch));
        watch.begin();
        kept = !watch.end();
    }
    CHECK(kept);
}
