// SPDX-License-Identifier: MIT
//
// The result of init, for people and for slicepatch_get_report().
#ifndef SLICEPATCH_REPORT_H
#define SLICEPATCH_REPORT_H

#include "init.h"

namespace slicepatch {

const char *guarantee_name(int guarantee);

/// Everything but size, duration and the counts of threads.
void fill_report(const PatchResult &result, slicepatch_report &report);

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

/// How the count of missed threads is told.
class MissedText {
public:
    explicit MissedText(std::uint32_t missed);
    [[nodiscard]] const char *number() const
    {
        return number_;
    }
    /// A line, or nothing where none was missed.
    [[nodiscard]] const char *advice() const
    {
        return advice_;
    }

private:
    char number_[24];
    const char *advice_;
};

/// One line on standard error for each site that is not as it was meant to be.
void print_failures(const PatchResult &result);

} // namespace slicepatch

#endif
