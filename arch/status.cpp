// SPDX-License-Identifier: MIT
#include "status.h"

namespace slicepatch {

const char *status_text(Status status)
{
    switch (status) {
    case Status::ok:
        return "ok";
    case Status::no_memory:
        return "out of memory";
    case Status::note_malformed:
        return "the object's slicepatch note is malformed or of another version";
    case Status::table_outside_object:
        return "the object's table of sites is not inside the object";
    case Status::table_missing:
        return "an object with marks has an empty table of sites: they were dropped, or a tool has renamed the table "
               "(slicepatch verify)";
    case Status::record_unknown:
        return "the record is of an unknown kind, version or architecture";
    case Status::site_outside_text:
        return "the site is not in executable memory of its object";
    case Status::site_misaligned:
        return "the site is misaligned";
    case Status::site_overlaps:
        return "the site overlaps another site";
    case Status::target_outside_text:
        return "a jump target of the site is not in executable memory of its object";
    case Status::string_outside_object:
        return "the label or file name of the site is not inside the object";
    case Status::bytes_foreign:
        return "the bytes at the site are not ours (a debugger's breakpoint, a hook, or stale records)";
    case Status::code_moved:
        return "the table is stale: a post-link rewriter such as BOLT has moved the code, and nobody runs this copy";
    case Status::text_shared:
        return "its memory is shared with other processes (MAP_SHARED), which need not have the same guarantee";
    case Status::group_inconsistent:
        return "another site of the same label cannot be patched";
    case Status::offset_out_of_range:
        return "the rseq area is out of an instruction's reach";
    case Status::target_out_of_range:
        return "a jump target is out of an instruction's reach";
    case Status::encode_failed:
        return "AsmJit could not encode a sequence";
    case Status::verify_failed:
        return "an encoded sequence does not decode to what was asked for";
    case Status::decoder_missing:
        return "no decoder to prove the encoded sequences with";
    case Status::write_refused:
        return "the system lets nobody write to the program's text";
    case Status::write_failed:
        return "the site reads back differently after the write";
    case Status::write_raced:
        return "the bytes at the site changed before the write";
    case Status::protection_unknown:
        return "the protection of the program's text cannot be read, so that nobody could put it back";
    case Status::protection_lost:
        return "the system refuses to make the program's text read-only again";
    case Status::live_not_proven:
        return "threads are running or cannot be counted, and this CPU is not known to tolerate rewriting under them "
               "(SLICEPATCH_LIVE=1)";
    case Status::live_refused:
        return "threads are running or cannot be counted, and the system refuses text that is writable and executable";
    case Status::sync_refused:
        return "threads are running or cannot be counted, and the kernel does not make them refetch instructions "
               "(membarrier SYNC_CORE)";
    case Status::bad_options:
        return "the options are of an unknown size or have unknown flags";
    case Status::options_too_new:
        return "the options have fields that this library is too old for";
    case Status::bad_environment:
        return "an environment variable has an unknown value";
    case Status::required_guarantee:
        return "this process cannot have the required guarantee";
    }
    return "unknown status";
}

} // namespace slicepatch
