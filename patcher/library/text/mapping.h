// SPDX-License-Identifier: MIT
//
// The mapping of an object's text, made writable for a moment.
#ifndef SLICEPATCH_MAPPING_H
#define SLICEPATCH_MAPPING_H

#include "arch/status.h"
#include "patcher/library/base/maps.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace slicepatch {

/// Pages in a row that are written to, from the first byte to behind the last.
struct PageRun {
    std::uintptr_t begin, end;
};

/// The text of one object that may be written to: from the first byte to the last, an estimate of how much of it changes,
/// and where, in the order of addresses.
struct TextSpan {
    std::uintptr_t first, last;
    std::size_t edits;
    std::span<const PageRun> runs = {};
};

/// The part of a mapping that holds edits, writable until another one is asked for.
class WritableMapping {
public:
    WritableMapping();
    WritableMapping(const WritableMapping &) = delete;
    WritableMapping &operator=(const WritableMapping &) = delete;
    ~WritableMapping();
    /// Makes the page of address writable, and with it what else of span is in its mapping. Nothing outside of both.
    Status open(std::uintptr_t address, std::size_t page_size, const TextSpan &span);
    /// Puts the protection back.
    void close();
    /// The first address that it was opened for and could not be closed again, 0 if there is none. That is no reason to
    /// leave other writes half done.
    [[nodiscard]] std::uintptr_t lost() const
    {
        return lost_;
    }

private:
    void populate(std::span<const PageRun> runs) const;

    Maps maps_, guards_;
    std::uintptr_t begin_ = 0, end_ = 0, opened_for_ = 0, lost_ = 0;
    int protection_ = 0;
};

} // namespace slicepatch

#endif
