// SPDX-License-Identifier: MIT
#include "contention.h"
#include "timing.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <random>
#include <thread>

namespace slicepatch::tool::bench {

namespace {

struct Arena {
    const bench_variant *variant;
    std::atomic<unsigned> ready{0};
    std::atomic<bool> go{false};
    std::atomic<std::size_t> sections{0};
    bool stop = false; // atomic, by the builtins that the C loops use
};

void contend(Arena &arena)
{
    (void)bench_thread_area(); // enables this thread, whoever marks
    arena.ready.fetch_add(1);
    while (!arena.go.load())
        std::this_thread::yield();
    arena.sections.fetch_add(arena.variant->contend(&arena.stop));
}

double measure_block(const bench_variant &variant, const ContentionPlan &plan)
{
    Arena arena{.variant = &variant};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < plan.threads; ++i)
        threads.emplace_back([&arena] { contend(arena); });
    while (arena.ready.load() < plan.threads)
        std::this_thread::yield();
    const double begin = now_ns();
    arena.go.store(true);
    std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<std::int64_t>(plan.block_ns)));
    __atomic_store_n(&arena.stop, true, __ATOMIC_RELAXED);
    for (std::thread &thread : threads)
        thread.join();
    return static_cast<double>(arena.sections.load()) * 1e9 / (now_ns() - begin);
}

} // namespace

Contention measure_contention(const ContentionPlan &plan)
{
    Contention contention{plan.threads, {}};
    std::mt19937_64 random(plan.seed);
    std::array<std::size_t, contenders.size()> order;
    std::iota(order.begin(), order.end(), 0);
    for (unsigned block = 0; block < plan.blocks; ++block) {
        std::shuffle(order.begin(), order.end(), random);
        for (std::size_t c : order)
            contention.sections_per_second[c].push_back(measure_block(*variants[contenders[c]], plan));
    }
    return contention;
}

} // namespace slicepatch::tool::bench
