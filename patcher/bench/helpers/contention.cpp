// SPDX-License-Identifier: MIT
//
// contention WORKLOAD CONTENDER THREADS MILLISECONDS TEXT: threads that take the same locks until the time is up.
// Prints what they saw as one JSON object.
#include "locks.h"
#include "watch.h"

#include "examples/wordcount/text.h"
#include "examples/wordcount/word_map.h"

#include <nlohmann/json.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace contention {
namespace {

using Clock = std::chrono::steady_clock;

struct Order {
    unsigned threads;
    std::chrono::milliseconds time;
    std::string text; // a file
};

/// One lock around some stores to lines that its holders share, and as many to the thread's own in between.
template <class Lock> class OneLock {
public:
    explicit OneLock(const Order & /*order*/) {}

    void work(unsigned /*thread*/, const std::atomic<bool> &stop)
    {
        Data own{};
        while (!stop.load(std::memory_order_relaxed)) {
            lock_.lock();
            work_on(shared_);
            lock_.unlock();
            work_on(own);
        }
    }

private:
    using Data = std::array<volatile unsigned long, 8>;

    static void work_on(Data &data)
    {
        for (volatile unsigned long &value : data)
            value = value + 1;
    }

    alignas(64) Lock lock_;
    alignas(64) Data shared_{};
};

/// The example wordcount: its map of striped locks and its text, over and over.
template <class Lock> class Words {
public:
    explicit Words(const Order &order)
        : text_(wordcount::read_file(order.text)), map_(text_.size() / bytes_per_word), arenas_(order.threads)
    {
        wordcount::split_at_word_borders(text_, chunk_size, chunks_);
        if (chunks_.empty())
            throw std::runtime_error(order.text + " is empty");
    }

    void work(unsigned thread, const std::atomic<bool> &stop)
    {
        wordcount::Arena &arena = arenas_[thread];
        for (size_t i = thread; !stop.load(std::memory_order_relaxed); ++i)
            count(chunks_[i % chunks_.size()], arena, stop);
    }

private:
    static constexpr size_t chunk_size = 1 << 12;
    static constexpr size_t bytes_per_word = 64;

    void count(std::string_view chunk, wordcount::Arena &arena, const std::atomic<bool> &stop)
    {
        wordcount::for_each_word(chunk, [&](std::string_view word) {
            if (!stop.load(std::memory_order_relaxed) && map_.add(arena.prepare(word)))
                arena.keep();
        });
    }

    std::string text_;
    std::vector<std::string_view> chunks_;
    wordcount::WordMap<Lock> map_;
    std::vector<wordcount::Arena> arenas_;
};

struct Outcome {
    uint64_t sections = 0;
    uint64_t contended = 0, preempted = 0;
    double seconds = 0;
    double us_per_tick = 0;
    Histogram waits;
};

double microseconds(Clock::duration duration)
{
    return std::chrono::duration<double, std::micro>(duration).count();
}

template <class Workload> Outcome measure(const Order &order)
{
    Workload workload(order);
    Outcome outcome;
    std::vector<Seen> all(order.threads);
    std::vector<std::thread> threads;
    std::latch ready(order.threads + 1);
    std::atomic<bool> stop = false, unwatched = false;
    for (unsigned i = 0; i < order.threads; ++i) {
        threads.emplace_back([&, i] {
            seen = &all[i];
            if (!seen->watch.attach())
                unwatched = true;
            ready.arrive_and_wait();
            if (!unwatched)
                workload.work(i, stop);
        });
    }
    ready.arrive_and_wait();
    const auto begin = Clock::now();
    const uint64_t begin_ticks = ticks();
    std::this_thread::sleep_for(order.time);
    stop = true;
    for (std::thread &thread : threads)
        thread.join();
    const auto elapsed = Clock::now() - begin;
    outcome.us_per_tick = microseconds(elapsed) / static_cast<double>(ticks() - begin_ticks);
    outcome.seconds = microseconds(elapsed) / 1e6;
    if (unwatched)
        throw std::runtime_error("a thread has no rseq area that the kernel knows, so that nobody can tell when it "
                                 "loses its CPU");
    for (const Seen &thread : all) {
        outcome.sections += thread.sections;
        outcome.contended += thread.contended;
        outcome.preempted += thread.preempted;
        outcome.waits += thread.waits;
    }
    return outcome;
}

using Measure = Outcome (*)(const Order &);
struct Contender {
    const char *workload, *name;
    Measure measure;
};

template <class Request, When when> using SpinLock = Watched<Lock<Request, when, Spin>>;
template <class Request, When when> using YieldLock = Watched<Lock<Request, when, SpinThenYield>>;

constexpr Contender contenders[] = {
    {"spinlock", "none", measure<OneLock<SpinLock<NoRequest, When::naive>>>},
    {"spinlock", "by-hand", measure<OneLock<SpinLock<ByHand, When::naive>>>},
    {"spinlock", "naive", measure<OneLock<SpinLock<Marked, When::naive>>>},
    {"spinlock", "per-attempt", measure<OneLock<SpinLock<Marked, When::per_attempt>>>},
    {"wordcount", "none", measure<Words<YieldLock<NoRequest, When::naive>>>},
    {"wordcount", "by-hand", measure<Words<YieldLock<ByHand, When::naive>>>},
    {"wordcount", "naive", measure<Words<YieldLock<Marked, When::naive>>>},
    {"wordcount", "per-attempt", measure<Words<YieldLock<Marked, When::per_attempt>>>},
};

Measure find(const std::string &workload, const std::string &name)
{
    for (const Contender &contender : contenders)
        if (workload == contender.workload && name == contender.name)
            return contender.measure;
    throw std::runtime_error("there is no " + workload + " with " + name);
}

void run(char **argv)
{
    slicepatch_report report{};
    report.size = sizeof report;
    if (slicepatch_init(nullptr, &report) != 0)
        throw std::runtime_error(std::string("slicepatch_init(): ") + report.failure);
    const Order order{static_cast<unsigned>(std::stoul(argv[3])), std::chrono::milliseconds(std::stoul(argv[4])),
                      argv[5]};
    const Outcome outcome = find(argv[1], argv[2])(order);
    const nlohmann::json json{{"guarantee", report.guarantee},
                              {"sections", outcome.sections},
                              {"seconds", outcome.seconds},
                              {"contended", outcome.contended},
                              {"preempted", outcome.preempted},
                              {"wait_p50_us", outcome.waits.quantile(0.5) * outcome.us_per_tick},
                              {"wait_p99_us", outcome.waits.quantile(0.99) * outcome.us_per_tick}};
    std::printf("%s\n", json.dump().c_str());
}

} // namespace
} // namespace contention

int main(int argc, char **argv)
{
    try {
        if (argc != 6)
            throw std::runtime_error("usage: contention WORKLOAD CONTENDER THREADS MILLISECONDS TEXT");
        contention::run(argv);
        return std::fflush(stdout) != 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "contention: %s\n", error.what());
        return 2;
    }
}
