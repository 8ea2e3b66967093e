// SPDX-License-Identifier: MIT
//
// What `top` shows of the sites of a process that counts: one row for each label, function or site, how it went since the
// look before, and how it went in the last minute. Pure: it is given what was read, and the time.
#ifndef SLICEPATCH_TOOL_TOP_TABLE_H
#define SLICEPATCH_TOOL_TOP_TABLE_H

#include "site_view.h"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace slicepatch::tool {

enum class TopBy : std::uint8_t { label, function, site };
enum class TopSort : std::uint8_t { granted, lost, reached, name };

/// How often something happened, of each outcome.
struct TopRow {
    std::string name;
    std::size_t sites = 0;
    SiteOutcomes total{};     // since the process began to count
    SiteOutcomes since{};     // since the look before
    std::deque<double> trend; // granted slices per second, one for each look of the last minute, the latest last
};

class TopTable {
public:
    explicit TopTable(TopBy by) : by_(by) {}

    /// What the sites count now, seconds after the look before; the first look has none before it, and what it finds
    /// happened at no known time.
    void look(const std::vector<SiteView> &sites, double seconds);
    /// The greatest first, or by name.
    [[nodiscard]] std::vector<TopRow> rows(TopSort sort) const;
    [[nodiscard]] double seconds() const
    {
        return seconds_;
    }
    [[nodiscard]] bool counts() const
    {
        return !rows_.empty();
    }

private:
    [[nodiscard]] std::string name_of(const SiteView &site) const;

    TopBy by_;
    double seconds_ = 0;
    bool looked_ = false;
    std::map<std::string, TopRow> rows_;
};

/// Lines of at most that many columns, a heading first. Blocks of Unicode for the trend, or letters of ASCII.
[[nodiscard]] std::vector<std::string> top_lines(const std::vector<TopRow> &rows, double seconds, std::size_t columns,
                                                 bool unicode);
/// The whole time: a row for each name, without rates.
[[nodiscard]] std::vector<std::string> top_summary(const std::vector<TopRow> &rows, std::size_t columns);
[[nodiscard]] nlohmann::ordered_json top_json(const std::vector<TopRow> &rows, double seconds);

/// cells characters for the values, each as high as its part of the greatest; spaces before the first where there are
/// fewer.
[[nodiscard]] std::string sparkline(const std::deque<double> &values, std::size_t cells, bool unicode);

} // namespace slicepatch::tool

#endif
