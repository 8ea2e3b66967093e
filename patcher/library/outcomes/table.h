// SPDX-License-Identifier: MIT
//
// The counters of an object's sites as they lie in memory. Other processes read them there too (slicepatch dump --pid),
// and children of fork() count in the same ones: the mapping is shared.
#ifndef SLICEPATCH_OUTCOME_TABLE_H
#define SLICEPATCH_OUTCOME_TABLE_H

#include <slicepatch/site.h>

#include <cstddef>
#include <cstdint>

namespace slicepatch {

/// Of an EXIT: how often a granted slice was given back there, or was gone by then; and how often it was reached while
/// the kernel had done nothing, as one that is compiled is every time.
struct SiteOutcomes {
    std::uint64_t yielded, lost, reached;
};

struct OutcomeEntry {
    std::uint64_t cold;             // by which a site is known; sites whose cold blocks are one share an entry
    std::uint64_t head, name, line; // the site's address, its label or else its file (terminated), and its line
    SiteOutcomes counts;
};

/// Never moves. Once its object knows of it, the entries change in nothing but their counts.
struct OutcomeTable {
    slicepatch_counters counters; // first: what an object points to
    char mark[8];                 // outcome_mark, without its terminator
    std::uint64_t size;           // of the mapping, bytes
    std::uint64_t count;          // of the entries that follow, by ascending cold
    OutcomeTable *next;           // of this copy of the library
    std::int64_t in_time;         // the least answer to a yield that came before the slice's end: 0 of a call that
                                  // stands for it
    std::int64_t rseq_offset;     // of the area, as its object's state has it

    [[nodiscard]] OutcomeEntry *entries()
    {
        return reinterpret_cast<OutcomeEntry *>(this + 1);
    }
};

constexpr char outcome_mark[] = "sp-outc1";

/// How many entries at the beginning are below place. Inlined where no register but a general one may be used.
[[gnu::always_inline]] inline std::size_t entries_below(const OutcomeEntry *entries, std::size_t count,
                                                        std::uint64_t place)
{
    std::size_t begin = 0;
    while (begin < count) {
        const std::size_t middle = begin + (count - begin) / 2;
        if (entries[middle].cold < place)
            begin = middle + 1;
        else
            count = middle;
    }
    return begin;
}

} // namespace slicepatch

#endif
