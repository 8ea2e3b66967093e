// SPDX-License-Identifier: MIT
//
// Code that runs one instruction at a time does what it always does, and all of it is seen.
#include "patcher/bench/count.h"
#include "patcher/bench/step.h"
#include "tests/skip.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>

using namespace slicepatch::tool::bench;
using namespace slicepatch::test;

namespace {

int shared;

/// Not inlined and of a known address: what a trace shows of it.
[[gnu::noinline]] void once()
{
    __asm__ volatile("" : : : "memory");
}

void run_load_and_store(std::size_t iterations)
{
    volatile int &value = shared;
    for (std::size_t i = 0; i < iterations; ++i)
        value = value + 1;
}

void run_exchange(std::size_t iterations)
{
    for (std::size_t i = 0; i < iterations; ++i)
        (void)__atomic_exchange_n(&shared, 1, __ATOMIC_ACQUIRE);
}

void run_compare_and_swap(std::size_t iterations)
{
    for (std::size_t i = 0; i < iterations; ++i) {
        int expected = __atomic_load_n(&shared, __ATOMIC_RELAXED);
        (void)__atomic_compare_exchange_n(&shared, &expected, expected + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
}

void run_swap_in_vain(std::size_t iterations)
{
    for (std::size_t i = 0; i < iterations; ++i) {
        int expected = ~__atomic_load_n(&shared, __ATOMIC_RELAXED);
        (void)__atomic_compare_exchange_n(&shared, &expected, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
}

void run_once(std::size_t iterations)
{
    for (std::size_t i = 0; i < iterations; ++i)
        once();
}

void run_straight(std::size_t) {}

void crash(std::size_t iterations)
{
    if (iterations > 1)
        (void)raise(SIGKILL); // nobody here handles it
}

/// What follows an atomic operation has run too: one more store.
void run_and_store(std::size_t iterations)
{
    for (std::size_t i = 0; i < iterations; ++i) {
        (void)__atomic_exchange_n(&shared, 1, __ATOMIC_ACQUIRE);
        *const_cast<volatile int *>(&shared) = 0;
    }
}

bool cannot_trace()
{
    if (!emulator())
        return false;
    try {
        (void)trace(run_straight, 1);
        return false;
    } catch (const std::runtime_error &error) {
        skip(std::string(emulator()) + ": " + error.what());
        return true;
    }
}

} // namespace

TEST_CASE("a loop's loads and stores are counted, and a branch back")
{
    if (cannot_trace())
        return;
    const Counts counts = count_iteration(run_load_and_store);
    CHECK(counts.loads == 1);
    CHECK(counts.stores == 1);
    CHECK(counts.branches == 1);
    CHECK(counts.instructions >= 3);
    CHECK(counts.bytes >= counts.instructions);
}

TEST_CASE("an atomic operation that takes several instructions succeeds as ever, and all of them are counted")
{
    if (cannot_trace())
        return;
    const Counts exchange = count_iteration(run_exchange), swap = count_iteration(run_compare_and_swap);
    CHECK(exchange.loads == 1);
    CHECK(exchange.stores == 1);
    CHECK(swap.loads == 2); // one before
    CHECK(swap.stores == 1);
    CHECK(count_iteration(run_and_store).stores == 2);
}

TEST_CASE("a compare-and-swap that finds another value ends too")
{
    if (cannot_trace())
        return;
    const Counts counts = count_iteration(run_swap_in_vain);
    CHECK(counts.loads == 2);
    CHECK(counts.stores <= 1); // some write back what they found
}

TEST_CASE("a trace has an instruction as often as it ran")
{
    if (cannot_trace())
        return;
    const std::vector<std::uintptr_t> addresses = trace(run_once, 7);
    CHECK(std::count(addresses.begin(), addresses.end(), reinterpret_cast<std::uintptr_t>(once)) == 7);
}

TEST_CASE("nothing of what was counted has happened here")
{
    if (cannot_trace())
        return;
    shared = 17;
    (void)count_iteration(run_load_and_store);
    CHECK(shared == 17);
}

TEST_CASE("what crashes or has no loop is an error")
{
    if (cannot_trace())
        return;
    CHECK_THROWS_AS((void)trace(crash, 3), std::runtime_error);
    CHECK_THROWS_AS((void)count_iteration(run_straight), std::runtime_error);
}
