// SPDX-License-Identifier: MIT
//
// Every way in which something here can fail, and its words. Nothing in arch/ and patcher/ throws.
#ifndef SLICEPATCH_STATUS_H
#define SLICEPATCH_STATUS_H

#include <cstdint>

namespace slicepatch {

enum class [[nodiscard]] Status : std::uint8_t{
    ok,
    no_memory,
    // a table or a record
    note_malformed,
    table_outside_object,
    table_missing,
    record_unknown,
    site_outside_text,
    site_misaligned,
    site_overlaps,
    target_outside_text,
    string_outside_object,
    // bytes
    bytes_foreign,
    code_moved,
    text_shared,
    group_inconsistent,
    // encoding
    offset_out_of_range,
    target_out_of_range,
    encode_failed,
    verify_failed,
    decoder_missing,
    // writing
    write_refused,
    write_failed,
    write_raced,
    protection_unknown,
    protection_lost,
    live_not_proven,
    live_refused,
    sync_refused,
    // start-up
    bad_options,
    options_too_new,
    bad_environment,
    required_guarantee,
};

/// One sentence without a full stop, static storage.
const char *status_text(Status status);

} // namespace slicepatch

#endif
