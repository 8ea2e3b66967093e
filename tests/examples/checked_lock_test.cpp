// SPDX-License-Identifier: MIT
//
// That wordcount --check can fail: each of its counts is made to count, by hand.
#include "../../examples/wordcount/checked_lock.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using wordcount::check_counts;
using wordcount::CheckCounts;
using wordcount::CheckedLock;

extern "C" void slicepatch_sim_on_yield();

namespace {

/// What one thread adds to the counts by calling act().
template <class Act> CheckCounts counts_of(Act act)
{
    const CheckCounts before = check_counts();
    std::thread([&act] {
        act();
        wordcount::collect_check_counts();
    }).join();
    const CheckCounts after = check_counts();
    return {after.exits - before.exits, after.requests_left - before.requests_left,
            after.grants_left - before.grants_left, after.yields - before.yields,
            after.yields_while_holding - before.yields_while_holding};
}

/// No-ops leave the rseq area to the test, on any kernel.
void switch_sites_off()
{
    slicepatch_options options = {};
    options.size = sizeof options;
    options.flags = SLICEPATCH_OPTION_OFF;
    REQUIRE(slicepatch_init(&options, nullptr) == 0);
}

} // namespace

TEST_CASE("a section that leaves nothing behind is clean")
{
    switch_sites_off();
    const CheckCounts counts = counts_of([] {
        CheckedLock lock;
        lock.lock();
        lock.unlock();
    });
    CHECK(counts.exits == 1);
    CHECK(counts.clean());
}

TEST_CASE("a request that is left set is counted")
{
    switch_sites_off();
    REQUIRE((slicepatch_rseq_() != nullptr)); // glibc has registered one
    const CheckCounts counts = counts_of([] {
        CheckedLock lock;
        lock.lock();
        slicepatch_rseq_()->slice_request = 1;
        lock.unlock();
        slicepatch_rseq_()->slice_request = 0;
    });
    CHECK(counts.requests_left == 1);
    CHECK(counts.grants_left == 0);
    CHECK(!counts.clean());
}

TEST_CASE("a grant that is left set is counted")
{
    switch_sites_off();
    REQUIRE((slicepatch_rseq_() != nullptr));
    const CheckCounts counts = counts_of([] {
        CheckedLock lock;
        lock.lock();
        slicepatch_rseq_()->slice_granted = 1;
        lock.unlock();
        slicepatch_rseq_()->slice_granted = 0;
    });
    CHECK(counts.requests_left == 0);
    CHECK(counts.grants_left == 1);
    CHECK(!counts.clean());
}

TEST_CASE("a yield inside the section is one while holding, a yield outside is none")
{
    const CheckCounts counts = counts_of([] {
        CheckedLock lock;
        slicepatch_sim_on_yield();
        lock.lock();
        slicepatch_sim_on_yield();
        lock.unlock();
        slicepatch_sim_on_yield();
    });
    CHECK(counts.yields == 3);
    CHECK(counts.yields_while_holding == 1);
    CHECK(!counts.clean());
}

TEST_CASE("a lock that another thread holds by now is not held by this one")
{
    const CheckCounts counts = counts_of([] {
        CheckedLock lock;
        lock.lock();
        CHECK(lock.held_by_this_thread());
        lock.unlock();
        CHECK(!lock.held_by_this_thread());

        std::atomic<bool> held = false;
        std::atomic<bool> done = false;
        std::thread other([&] {
            lock.lock();
            held = true;
            held.notify_one();
            done.wait(false);
            lock.unlock();
        });
        held.wait(false);
        CHECK(!lock.held_by_this_thread());
        done = true;
        done.notify_one();
        other.join();
    });
    CHECK(counts.clean());
}
