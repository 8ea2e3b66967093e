// SPDX-License-Identifier: MIT
//
// Writes to the program's own text. Three writers, for what a process may be allowed to do:
//
//   procmem  /proc/self/mem, which ignores page protection: text stays r-x and keeps its file's name in every profile.
//            Works under PR_SET_MDWE and on sealed mappings. Copies bytes, so only while no other thread runs.
//            Copies page by page, so that a large program is written by the next one where that is allowed.
//   rwx      makes the pages writable for a moment, executable all the time: never PROT_READ|PROT_WRITE alone, since the
//            page may hold the code that is running, and under PR_SET_MDWE it could not be made executable again.
//   live     the same, by one aligned store for each edit, while other threads may execute the very bytes.
#ifndef SLICEPATCH_TEXT_H
#define SLICEPATCH_TEXT_H

#include "../arch/status.h"
#include "array.h"

#include <cstddef>
#include <cstdint>

namespace slicepatch {

/// Up to 8 bytes that change together. address is a multiple of size; bytes are as in memory.
struct Edit {
    std::uintptr_t address;
    std::uint8_t before[8];
    std::uint8_t after[8];
    std::uint8_t size; // 4 or 8
};

enum class Writer : std::uint8_t { automatic, procmem, rwx, live };
const char *writer_name(Writer writer);

/// How many edits were done; fewer than all only together with an error.
struct WriteResult {
    Status status = Status::ok;
    Writer used = Writer::automatic; // automatic: nothing was written
    std::size_t written = 0;
    std::uintptr_t failed_at = 0; // address of the first edit that was not
};

/// Does the edits in their order, in runs of one page: each run is compared with `before` right before it is written, and
/// with `after` behind it. No word may be edited twice. Stops at the first failure. `live` is used in place of any other writer when other threads run;
/// live_allowed says whether this CPU tolerates it.
WriteResult write_edits(const Array<Edit> &edits, Writer writer, bool other_threads, bool live_allowed);

} // namespace slicepatch

#endif
