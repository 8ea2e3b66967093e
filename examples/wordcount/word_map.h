// SPDX-License-Identifier: MIT
//
// The hash map that all threads share, striped over spinlocks, and the arenas that keep allocation out of its sections.
#ifndef WORDCOUNT_WORD_MAP_H
#define WORDCOUNT_WORD_MAP_H

#include "text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace wordcount {

struct Entry {
    Entry *next = nullptr;
    uint64_t hash = 0;
    uint64_t count = 0;
    std::string_view word;
};

/// One thread's own memory for entries. A section must not allocate, since that may be a system call; so an entry is
/// complete before the lock is taken, and is used again for the next word unless the map kept it.
class Arena {
public:
    /// The entry for a word, in lower case, with its hash and a count of 1.
    Entry &prepare(std::string_view word)
    {
        if (word.size() > room_)
            add_block(word.size());
        uint64_t hash = 0xcbf29ce484222325; // FNV-1a
        for (size_t i = 0; i < word.size(); ++i) {
            free_[i] = to_lower(word[i]);
            hash = (hash ^ static_cast<unsigned char>(free_[i])) * 0x100000001b3;
        }
        Entry &entry = entries_.back();
        entry.hash = hash ^ hash >> 32; // the low bits alone choose stripe and bucket
        entry.count = 1;
        entry.word = std::string_view(free_, word.size());
        return entry;
    }

    /// The map refers to the entry that was prepared last: it is not used again.
    void keep()
    {
        const size_t length = entries_.back().word.size();
        free_ += length;
        room_ -= length;
        entries_.emplace_back();
    }

private:
    void add_block(size_t least)
    {
        constexpr size_t usual = 1 << 16;
        room_ = std::max(least, usual);
        free_ = blocks_.emplace_back(std::make_unique<char[]>(room_)).get();
    }

    std::deque<Entry> entries_{1}; // the last one is the spare
    std::vector<std::unique_ptr<char[]>> blocks_;
    char *free_ = nullptr;
    size_t room_ = 0;
};

/// Few stripes, so that threads meet; each in cache lines of its own, so that they meet only over the same stripe.
template <class Lock> class WordMap {
public:
    static constexpr size_t stripes = 4;

    /// At most `words` different words; a wrong guess costs time, not correctness.
    explicit WordMap(size_t words)
    {
        for (Stripe &stripe : stripes_)
            stripe.buckets.resize(std::bit_ceil(words / stripes + 1)); // written here: no page fault in a section
    }

    /// Counts an entry; true if the map refers to it from now on. The critical section of this program, in a function
    /// of its own, so that `slicepatch dump` shows it under its name.
    [[gnu::noinline]] [[nodiscard]] bool add(Entry &entry)
    {
        Stripe &stripe = stripes_[entry.hash % stripes];
        Entry *&bucket = stripe.buckets[entry.hash / stripes & (stripe.buckets.size() - 1)];
        const std::lock_guard section(stripe.lock);
        for (Entry *known = bucket; known != nullptr; known = known->next) {
            if (known->hash == entry.hash && known->word == entry.word) {
                ++known->count;
                return false;
            }
        }
        entry.next = bucket;
        bucket = &entry;
        return true;
    }

    /// Calls visit(const Entry &) for each word. Only when no thread adds any more.
    template <class Visit> void for_each(Visit &&visit) const
    {
        for (const Stripe &stripe : stripes_)
            for (const Entry *bucket : stripe.buckets)
                for (const Entry *entry = bucket; entry != nullptr; entry = entry->next)
                    visit(*entry);
    }

private:
    static constexpr size_t cache_line = 64;

    struct alignas(cache_line) Stripe {
        Lock lock;
        std::vector<Entry *> buckets;
    };

    std::array<Stripe, stripes> stripes_;
};

} // namespace wordcount

#endif // WORDCOUNT_WORD_MAP_H
