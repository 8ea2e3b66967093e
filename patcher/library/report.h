// SPDX-License-Identifier: MIT
//
// The result of init, for people and for slicepatch_get_report().
#ifndef SLICEPATCH_REPORT_H
#define SLICEPATCH_REPORT_H

#include "patcher/library/guarantee/guarantee.h"
#include "patcher/library/sites/selection.h"
#include "patcher/library/text/text.h"

namespace slicepatch {

/// What init has found and done.
struct InitResult {
    Status status = Status::ok;
    Guarantee guarantee{};
    Area area{};
    SiteList list; // states as left
    Selection selection;
    WriteResult written;
    Status uncounted = Status::ok; // why some sites do not count that should
    int yield_number = SLICEPATCH_NR_RSEQ_SLICE_YIELD;
    bool threads_hooked = false;
    bool other_threads = false;
};

/// Before anything is known.
constexpr slicepatch_report empty_report()
{
    slicepatch_report report{};
    report.size = sizeof report;
    report.yield_number = SLICEPATCH_NR_RSEQ_SLICE_YIELD;
    return report;
}

/// Everything but duration and the counts of threads. Under the loader's lock: the words are read from objects.
void fill_report(const InitResult &result, slicepatch_report &report);

/// The guarantee alone, where it has changed since.
void report_guarantee(const Guarantee &guarantee, slicepatch_report &report);

/// Threads, as counted up to now.
void report_threads(slicepatch_report &report);

/// Puts words behind the failures that the report tells of, as far as there is room.
void add_failure(slicepatch_report &report, const char *what, const char *why);

/// The report, the settings that nobody reads, on standard error.
void print_report(const slicepatch_report &report);

/// Whether a caller's report has a size that a report can have: 0, -EINVAL or -E2BIG.
int check_report_size(const slicepatch_report &given);

/// What the caller's report has room for; its size stays.
void write_report(const slicepatch_report &report, slicepatch_report &given);

/// The caller's report as this library knows it; only the bytes that the caller has are read.
slicepatch_report read_report(const slicepatch_report &given);

/// The lines of slicepatch_report_text(): how many bytes they take, of which size - 1 are in the buffer.
std::size_t format_report(const slicepatch_report &report, char *buffer, std::size_t size);

/// One line on standard error for each site that is not as it was meant to be.
void print_failures(const InitResult &result);

} // namespace slicepatch

#endif
