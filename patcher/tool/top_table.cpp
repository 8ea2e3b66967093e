// SPDX-License-Identifier: MIT
#include "top_table.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace slicepatch::tool {

namespace {

constexpr double minute = 60;
constexpr std::size_t most_looks = 600; // of the trend: ten a second

std::uint64_t granted(const SiteOutcomes &outcomes)
{
    return outcomes.yielded + outcomes.lost;
}

/// A counter never goes back, unless another process has the number now.
std::uint64_t rise(std::uint64_t before, std::uint64_t now)
{
    return now > before ? now - before : 0;
}

void add(SiteOutcomes &to, const SiteOutcomes &more)
{
    to.yielded += more.yielded;
    to.lost += more.lost;
    to.reached += more.reached;
}

/// At most five characters and a unit: 0, 17, 1234, 12.3k, 1.2M.
std::string short_number(double number)
{
    if (number > 0 && number < 10)
        return fmt::format("{:.1f}", number);
    if (number < 10'000)
        return fmt::format("{:.0f}", number);
    for (const char unit : {'k', 'M', 'G', 'T'}) {
        number /= 1000;
        if (number < 1000)
            return fmt::format("{:.1f}{}", number, unit);
    }
    return fmt::format("{:.0e}", number);
}

std::string share(std::uint64_t part, std::uint64_t whole)
{
    return whole ? fmt::format("{:.0f}%", 100.0 * static_cast<double>(part) / static_cast<double>(whole)) : "-";
}

bool is_before(const TopRow &a, const TopRow &b, TopSort sort)
{
    const auto key = [sort](const TopRow &row) {
        const SiteOutcomes &since = row.since, &total = row.total;
        switch (sort) {
        case TopSort::lost:
            return std::pair(since.lost, total.lost);
        case TopSort::reached:
            return std::pair(since.reached, total.reached);
        default:
            return std::pair(granted(since), granted(total));
        }
    };
    return sort != TopSort::name && key(a) != key(b) ? key(a) > key(b) : a.name < b.name;
}

bool any_reached(const std::vector<TopRow> &rows)
{
    return std::any_of(rows.begin(), rows.end(), [](const TopRow &row) { return row.total.reached != 0; });
}

/// Columns of one width each, but for the first, which has what is left.
std::string line_of(const std::string &name, const std::vector<std::string> &cells, std::size_t columns)
{
    std::string rest;
    for (const std::string &cell : cells)
        rest += fmt::format(" {:>9}", cell);
    const std::size_t room = columns > rest.size() + 8 ? columns - rest.size() : 8;
    return fmt::format("{:<{}}{}", first_of(name, room), room, rest);
}

} // namespace

std::string TopTable::name_of(const SiteView &site) const
{
    const std::string place = fmt::format("{}:{}", printable(site.file.substr(site.file.rfind('/') + 1)), site.line);
    if (by_ == TopBy::site)
        return place;
    if (by_ == TopBy::label && !site.label.empty())
        return printable(site.label);
    return site.function.empty() ? place : printable(site.function);
}

void TopTable::look(const std::vector<SiteView> &sites, double seconds)
{
    std::map<std::string, TopRow> now;
    for (const SiteView &site : sites) {
        if (!site.counted)
            continue;
        TopRow &row = now[name_of(site)];
        ++row.sites;
        add(row.total, *site.counted);
    }
    for (auto &[name, row] : now) {
        row.name = name;
        const auto before = rows_.find(name);
        const SiteOutcomes was = before == rows_.end() ? SiteOutcomes{} : before->second.total;
        if (before != rows_.end())
            row.trend = std::move(before->second.trend);
        if (!looked_ || seconds <= 0)
            continue;
        row.since = {rise(was.yielded, row.total.yielded), rise(was.lost, row.total.lost),
                     rise(was.reached, row.total.reached)};
        row.trend.push_back(static_cast<double>(granted(row.since)) / seconds);
        while (static_cast<double>(row.trend.size()) * seconds > minute && row.trend.size() > 1)
            row.trend.pop_front();
        if (row.trend.size() > most_looks)
            row.trend.pop_front();
    }
    rows_ = std::move(now);
    seconds_ = looked_ ? seconds : 0;
    looked_ |= !rows_.empty();
}

std::vector<TopRow> TopTable::rows(TopSort sort) const
{
    std::vector<TopRow> rows;
    for (const auto &[name, row] : rows_)
        rows.push_back(row);
    std::sort(rows.begin(), rows.end(), [sort](const TopRow &a, const TopRow &b) { return is_before(a, b, sort); });
    return rows;
}

std::string sparkline(const std::deque<double> &values, std::size_t cells, bool unicode)
{
    static constexpr const char *blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static constexpr const char *letters[] = {"_", ".", "-", "=", "+", "*", "%", "#"};
    std::vector<double> means; // where there are more values than cells, of those that share one
    const std::size_t shown = std::min(cells, values.size());
    for (std::size_t i = 0; i < shown; ++i) {
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i * values.size() / shown);
        const auto end = values.begin() + static_cast<std::ptrdiff_t>((i + 1) * values.size() / shown);
        means.push_back(std::accumulate(begin, end, 0.0) / static_cast<double>(end - begin));
    }
    const double greatest = means.empty() ? 0 : *std::max_element(means.begin(), means.end());
    std::string line(cells - shown, ' ');
    for (const double mean : means)
        line += (unicode ? blocks : letters)[greatest > 0 ? std::lround(mean / greatest * 7) : 0];
    return line;
}

std::vector<std::string> top_lines(const std::vector<TopRow> &rows, double seconds, std::size_t columns, bool unicode)
{
    constexpr std::size_t trend = 20;
    const bool reached = any_reached(rows);
    std::vector<std::string> heading{"GRANTED/S", "YIELDED", "LOST"};
    if (reached)
        heading.emplace_back("REACHED/S");
    const std::size_t table = columns > trend + 1 ? columns - trend - 1 : columns;
    std::vector<std::string> lines{line_of("NAME", heading, table) + " LAST MINUTE"};
    for (const TopRow &row : rows) {
        const auto rate = [seconds](std::uint64_t number) {
            return seconds > 0 ? short_number(static_cast<double>(number) / seconds) : "-";
        };
        std::vector<std::string> cells{rate(granted(row.since)), share(row.since.yielded, granted(row.since)),
                                       share(row.since.lost, granted(row.since))};
        if (reached)
            cells.push_back(rate(row.since.reached));
        lines.push_back(line_of(row.name, cells, table) + " " + sparkline(row.trend, trend, unicode));
    }
    return lines;
}

std::vector<std::string> top_summary(const std::vector<TopRow> &rows, std::size_t columns)
{
    const bool reached = any_reached(rows);
    std::vector<std::string> heading{"SITES", "GRANTED", "YIELDED", "LOST"};
    if (reached)
        heading.emplace_back("REACHED");
    std::vector<std::string> lines{line_of("NAME", heading, columns)};
    for (const TopRow &row : rows) {
        const std::uint64_t all = granted(row.total);
        std::vector<std::string> cells{std::to_string(row.sites), short_number(static_cast<double>(all)),
                                       share(row.total.yielded, all), share(row.total.lost, all)};
        if (reached)
            cells.push_back(short_number(static_cast<double>(row.total.reached)));
        lines.push_back(line_of(row.name, cells, columns));
    }
    return lines;
}

nlohmann::ordered_json top_json(const std::vector<TopRow> &rows, double seconds)
{
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    const auto outcomes = [](const SiteOutcomes &counts) {
        return nlohmann::ordered_json{{"yielded", counts.yielded}, {"lost", counts.lost}, {"reached", counts.reached}};
    };
    for (const TopRow &row : rows)
        list.push_back(
            {{"name", row.name}, {"sites", row.sites}, {"since", outcomes(row.since)}, {"total", outcomes(row.total)}});
    return {{"seconds", seconds}, {"rows", list}};
}

} // namespace slicepatch::tool
