// SPDX-License-Identifier: MIT
#include "report.h"

#include "settings.h"
#include "patcher/library/guarantee/threads.h"
#include "patcher/library/base/standard_error.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstring>

namespace slicepatch {

namespace {

void count_sites(const SiteList &list, slicepatch_report &report)
{
    report.objects = static_cast<std::uint32_t>(std::count_if(list.objects.begin(), list.objects.end(),
                                                              [](const Object &object) { return object.site_count; }));
    report.sites = static_cast<std::uint32_t>(list.sites.size());
    for (const Site &site : list.sites) {
        // A record that cannot be trusted says nothing about its bytes: nobody touched them.
        const bool unread = site.state == State::foreign && site.trouble != Status::bytes_foreign &&
                            site.trouble != Status::code_moved && site.trouble != Status::write_failed;
        switch (unread ? State::compiled : site.state) {
        case State::compiled:
            ++report.compiled;
            break;
        case State::enabled:
            ++report.enabled;
            break;
        case State::off:
            ++report.off;
            break;
        case State::foreign:
            ++report.foreign;
            break;
        }
    }
}

/// The site whose first word is at address, or whose bytes hold it.
const Site *find_site(const SiteList &list, std::uintptr_t address)
{
    for (const Site &site : list.sites)
        if (address - site_place(*site.record).head < max_site_size)
            return &site;
    return nullptr;
}

/// Without its folders: the reason that comes behind it must fit too.
const char *file_name(const Site &site)
{
    const char *path = site_file(*site.record);
    const char *slash = std::strrchr(path, '/');
    return slash ? slash + 1 : path;
}

template <std::size_t size> void describe(const Site &site, const SiteList &list, Status trouble, char (&text)[size])
{
    const Object &object = list.objects[list.groups[site.group].object];
    const char *label = list.groups[site.group].label;
    // Strings of a record that is not trusted are not read.
    const bool named = site.trouble != Status::string_outside_object && site.trouble != Status::record_unknown;
    std::snprintf(text, size, "%s at 0x%" PRIx64 " (%s%s%s:%" PRIu32 ", %s): %s", kind_name(site.kind),
                  site_place(*site.record).head, label && named ? label : "", label && named ? ", " : "",
                  named ? file_name(site) : "?", named ? site.record->line : 0,
                  *object.name ? object.name : "the executable", status_text(trouble));
}

void fill_failure(const InitResult &result, slicepatch_report &report)
{
    if (result.list.bad_objects) {
        std::snprintf(report.failure, sizeof report.failure, "%s", status_text(result.list.bad_object_trouble));
        return;
    }
    for (const Site &site : result.list.sites)
        if (site.trouble != Status::ok) {
            describe(site, result.list, site.trouble, report.failure);
            return;
        }
    if (result.written.status != Status::ok) {
        const Site *site = find_site(result.list, result.written.failed_at);
        if (site)
            describe(*site, result.list, result.written.status, report.failure);
    } else if (result.status != Status::ok) {
        std::snprintf(report.failure, sizeof report.failure, "%s", status_text(result.status));
    } else if (result.selection.unnamed) {
        std::snprintf(report.failure, sizeof report.failure,
                      "names of functions cannot be read, so that none of those without a label is selected in %s",
                      *result.selection.unnamed ? result.selection.unnamed : "the executable");
    } else if (!result.threads_hooked && (result.guarantee.level == SLICEPATCH_GUARANTEE_THREAD
                                              ? report.compiled != 0
                                              : result.guarantee.level != SLICEPATCH_GUARANTEE_NONE && owns_areas())) {
        std::snprintf(report.failure, sizeof report.failure,
                      "threads that start later do not pass through this copy of the library: link the executable with "
                      "it before libc, set LD_PRELOAD=libslicepatch.so, or boot a kernel with the slicepatch series");
    }
}

/// What was asked for and is not there, though no site has to do with it.
void fill_remarks(const InitResult &result, slicepatch_report &report)
{
    if (result.area.own_refusal && !std::strstr(report.reason, result.area.own_refusal))
        add_failure(report, "no rseq areas of slicepatch's own: ", result.area.own_refusal);
    if (result.uncounted != Status::ok)
        add_failure(report, "sites that do not count: ", status_text(result.uncounted));
    if (const Unmatched &unmatched = result.selection.unmatched; unmatched.count) {
        char words[96];
        std::snprintf(words, sizeof words, "%.*s%s%s", static_cast<int>(std::min<std::size_t>(unmatched.length, 64)),
                      unmatched.first, unmatched.length > 64 ? "..." : "", unmatched.count > 1 ? ", and others" : "");
        add_failure(report, "SLICEPATCH_SITES selects by names that no site has: ", words);
    }
}

/// How the count of missed threads is told.
class MissedText {
public:
    explicit MissedText(std::uint32_t missed)
    {
        if (missed == SLICEPATCH_THREADS_UNKNOWN)
            std::snprintf(number_, sizeof number_, "an unknown number");
        else
            std::snprintf(number_, sizeof number_, "%" PRIu32, missed);
        advice_ = missed ? "slicepatch: a thread is not missed if slicepatch_init() comes before it, or if it calls "
                           "slicepatch_thread_init() itself\n"
                         : "";
    }
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

} // namespace

void add_failure(slicepatch_report &report, const char *what, const char *why)
{
    const std::size_t length = std::strlen(report.failure);
    std::snprintf(report.failure + length, sizeof report.failure - length, "%s%s%s", length ? "; " : "", what, why);
}

void report_guarantee(const Guarantee &guarantee, slicepatch_report &report)
{
    static_assert(sizeof guarantee.reason == sizeof report.reason);
    report.guarantee = guarantee.level;
    std::memcpy(report.reason, guarantee.reason, sizeof report.reason);
}

void report_threads(slicepatch_report &report)
{
    const ThreadCounts threads = count_threads();
    report.threads_enabled = threads.enabled;
    report.threads_missed = threads.missed;
}

void fill_report(const InitResult &result, slicepatch_report &report)
{
    report_guarantee(result.guarantee, report);
    report.yield_number = result.yield_number;
    count_sites(result.list, report);
    std::snprintf(report.writer, sizeof report.writer, "%s", writer_name(result.written.used));
    std::snprintf(report.verifier, sizeof report.verifier, "%s", host_backend().verifier());
    if (!*result.guarantee.reason) // it did not come to asking for one
        std::snprintf(report.reason, sizeof report.reason, "init failed: %s", status_text(result.status));
    fill_failure(result, report);
    fill_remarks(result, report);
}

int check_report_size(const slicepatch_report &given)
{
    return given.size < SLICEPATCH_REPORT_SIZE_MIN ? -EINVAL : given.size > SLICEPATCH_STRUCT_SIZE_MAX ? -E2BIG : 0;
}

void write_report(const slicepatch_report &report, slicepatch_report &given)
{
    const std::size_t size = given.size, common = std::min(size, sizeof report);
    auto *bytes = reinterpret_cast<char *>(&given);
    const auto *from = reinterpret_cast<const char *>(&report);
    std::copy(from + sizeof report.size, from + common, bytes + sizeof report.size);
    std::fill(bytes + common, bytes + size, char{0});
    if (size > offsetof(slicepatch_report, writer) && size < sizeof report)
        bytes[size - 1] = 0; // it may cut a text, and nothing but texts is from there to the end
}

slicepatch_report read_report(const slicepatch_report &given)
{
    slicepatch_report report{};
    std::memcpy(&report, &given, std::min<std::size_t>(given.size, sizeof report));
    return report;
}

std::size_t format_report(const slicepatch_report &report, char *buffer, std::size_t size)
{
    const MissedText missed(report.threads_missed);
    const int length = std::snprintf(
        buffer, size,
        "slicepatch: guarantee %s: %s\n"
        "slicepatch: %u sites in %u objects: %u enabled, %u off, %u compiled, %u foreign (%s writer, proven by %s)\n"
        "slicepatch: %u threads enabled, %s missed; yields by system call %d; init took %u us\n"
        "%s%s%s%s",
        slicepatch_guarantee_name(report.guarantee), report.reason, report.sites, report.objects, report.enabled,
        report.off, report.compiled, report.foreign, report.writer, report.verifier, report.threads_enabled,
        missed.number(), report.yield_number, report.duration_us, missed.advice(),
        *report.failure ? "slicepatch: " : "", report.failure, *report.failure ? "\n" : "");
    return length < 0 ? 0 : static_cast<std::size_t>(length);
}

void print_failures(const InitResult &result)
{
    char text[512];
    for (const Site &site : result.list.sites) {
        const bool hit = result.written.status != Status::ok &&
                         result.written.failed_at - site_place(*site.record).head < host_backend().site_size(site.kind);
        if (site.trouble == Status::ok && !hit)
            continue;
        describe(site, result.list, site.trouble == Status::ok ? result.written.status : site.trouble, text);
        print_pieces({"slicepatch: ", text, "\n"});
    }
}

void print_report(const slicepatch_report &report)
{
    char text[1024], name[64];
    (void)format_report(report, text, sizeof text); // longer than any that there can be
    print_pieces({text});
    for (unsigned i = 0; unknown_variable(i, name); ++i)
        print_pieces({"slicepatch: no part of slicepatch reads the variable ", name, "\n"});
}

} // namespace slicepatch
