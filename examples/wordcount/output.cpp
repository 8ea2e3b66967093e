// SPDX-License-Identifier: MIT
#include "output.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <string>

namespace wordcount {

namespace {

size_t top_size(const Options &options, const Result &result)
{
    return std::min<size_t>(options.top, result.ranks.size());
}

double words_per_second(const Result &result, size_t run)
{
    return static_cast<double>(result.words) / std::max(result.seconds[run], 1e-9);
}

std::string report_text(const slicepatch_report &report)
{
    std::string text(slicepatch_report_text(&report, nullptr, 0), '\0');
    (void)slicepatch_report_text(&report, text.data(), text.size() + 1); // room for the terminator, as std::string has
    return text;
}

/// A number, or a word for none.
nlohmann::ordered_json missed_json(const slicepatch_report &report)
{
    if (report.threads_missed == SLICEPATCH_THREADS_UNKNOWN)
        return "unknown";
    return report.threads_missed;
}

nlohmann::ordered_json report_json(const slicepatch_report &report)
{
    return {{"guarantee", slicepatch_guarantee_name(report.guarantee)},
            {"reason", report.reason},
            {"failure", report.failure},
            {"sites", report.sites},
            {"enabled", report.enabled},
            {"off", report.off},
            {"compiled", report.compiled},
            {"foreign", report.foreign},
            {"threads_enabled", report.threads_enabled},
            {"threads_missed", missed_json(report)},
            {"yield_number", report.yield_number},
            {"duration_us", report.duration_us}};
}

} // namespace

void print_text(const Options &options, const Outcome &outcome)
{
    const Result &result = outcome.result;
    for (size_t i = 0; i < top_size(options, result); ++i)
        std::printf("%7llu %s\n", static_cast<unsigned long long>(result.ranks[i].count), result.ranks[i].word.c_str());

    std::printf("%llu words, %zu different, counted by %u threads\n", static_cast<unsigned long long>(result.words),
                result.ranks.size(), options.threads);
    for (size_t run = 0; run < result.seconds.size(); ++run)
        std::printf("run %zu: %.3f s, %.2f million words/s\n", run + 1, result.seconds[run],
                    words_per_second(result, run) / 1e6);
    if (options.check) {
        const CheckCounts &check = outcome.check;
        std::printf("check: %llu exits, %llu requests left, %llu grants left, and by a simulated kernel %llu yields, "
                    "%llu while holding\n",
                    static_cast<unsigned long long>(check.exits), static_cast<unsigned long long>(check.requests_left),
                    static_cast<unsigned long long>(check.grants_left), static_cast<unsigned long long>(check.yields),
                    static_cast<unsigned long long>(check.yields_while_holding));
    }
    std::fputs(report_text(outcome.report).c_str(), stdout);
}

void print_json(const Options &options, const Outcome &outcome)
{
    const Result &result = outcome.result;
    nlohmann::ordered_json json = {{"words", result.words},
                                   {"different", result.ranks.size()},
                                   {"threads", options.threads},
                                   {"top", nlohmann::ordered_json::array()},
                                   {"runs", nlohmann::ordered_json::array()}};
    for (size_t i = 0; i < top_size(options, result); ++i)
        json["top"].push_back({{"word", result.ranks[i].word}, {"count", result.ranks[i].count}});
    for (size_t run = 0; run < result.seconds.size(); ++run)
        json["runs"].push_back({{"seconds", result.seconds[run]}, {"words_per_second", words_per_second(result, run)}});
    if (options.check)
        json["check"] = {{"exits", outcome.check.exits},
                         {"requests_left", outcome.check.requests_left},
                         {"grants_left", outcome.check.grants_left},
                         {"yields", outcome.check.yields},
                         {"yields_while_holding", outcome.check.yields_while_holding}};
    json["slicepatch"] = report_json(outcome.report);
    std::printf("%s\n", json.dump(2).c_str());
}

} // namespace wordcount
