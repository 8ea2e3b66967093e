// SPDX-License-Identifier: MIT
#include "count.h"

#include "checked_lock.h"
#include "long_section.h"
#include "text.h"
#include "word_map.h"

#include <slicepatch/slicepatch.hpp>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>

namespace wordcount {

namespace {

constexpr size_t chunk_size = 1 << 14; // small enough to keep all threads busy with a text of some 100 kB
constexpr size_t bytes_per_word = 64;  // of text, for each different word: English text has 50 to 200

/// The threads live through all runs: the simulated kernel's ticks come by a thread's own CPU time.
template <class Lock> class Counter {
public:
    Counter(const std::vector<std::string> &texts, const Options &options)
        : options_(options), gate_(static_cast<std::ptrdiff_t>(options.threads) + 1)
    {
        for (const std::string &text : texts) {
            bytes_ += text.size();
            split_at_word_borders(text, chunk_size, chunks_);
        }
        if (options.long_section)
            long_section_.emplace();
    }

    Result count()
    {
        std::vector<std::thread> threads;
        threads.reserve(options_.threads);
        for (unsigned i = 0; i < options_.threads; ++i)
            threads.emplace_back([this, i] { work(i); });

        gate_.arrive_and_wait(); // all threads are there, and their long sections are over
        Result result;
        for (unsigned run = 1; run <= options_.repeat; ++run)
            run_once(run, result);
        for (std::thread &thread : threads)
            thread.join();
        rank(result);
        return result;
    }

private:
    void run_once(unsigned run, Result &result)
    {
        map_ = std::make_unique<WordMap<Lock>>(bytes_ / bytes_per_word);
        arenas_ = std::vector<Arena>(options_.threads);
        next_chunk_ = 0;
        const auto start = std::chrono::steady_clock::now(); // after the gate, this thread may be late
        gate_.arrive_and_wait();                             // they start
        gate_.arrive_and_wait();                             // all of them are done
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        result.seconds.push_back(elapsed.count());

        uint64_t words = 0;
        map_->for_each([&words](const Entry &entry) { words += entry.count; });
        if (run == 1)
            result.words = words;
        else if (words != result.words && result.wrong_run == 0)
            result.wrong_run = run;
    }

    void work(unsigned thread)
    {
        if (long_section_)
            long_section_->run<Lock>();
        gate_.arrive_and_wait();
        for (unsigned run = 1; run <= options_.repeat; ++run) {
            gate_.arrive_and_wait();
            take_chunks(arenas_[thread]);
            gate_.arrive_and_wait();
        }
        collect_check_counts();
    }

    void take_chunks(Arena &arena)
    {
        for (size_t i; (i = next_chunk_.fetch_add(1, std::memory_order_relaxed)) < chunks_.size();) {
            for_each_word(chunks_[i], [this, &arena](std::string_view word) {
                if (map_->add(arena.prepare(word)))
                    arena.keep();
            });
        }
    }

    void rank(Result &result) const
    {
        map_->for_each([&result](const Entry &entry) {
            result.ranks.push_back({std::string(entry.word), entry.count});
        });
        std::sort(result.ranks.begin(), result.ranks.end(), [](const WordCount &a, const WordCount &b) {
            return a.count != b.count ? a.count > b.count : a.word < b.word;
        });
    }

    const Options &options_;
    size_t bytes_ = 0;
    std::vector<std::string_view> chunks_;
    std::atomic<size_t> next_chunk_ = 0;
    std::vector<Arena> arenas_; // one for each thread; the map refers to their entries
    std::unique_ptr<WordMap<Lock>> map_;
    std::optional<LongSection> long_section_;
    std::barrier<> gate_;
};

} // namespace

Result count_words(const std::vector<std::string> &texts, const Options &options)
{
    if (options.check)
        return Counter<CheckedLock>(texts, options).count();
    return Counter<slicepatch::spinlock>(texts, options).count();
}

} // namespace wordcount
