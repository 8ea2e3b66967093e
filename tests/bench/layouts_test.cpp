// SPDX-License-Identifier: MIT
//
// Where the linker put the functions of the variants that `slicepatch bench` compares.
#include "bench.h"
#include "tests/skip.h"

#include <doctest/doctest.h>

#include <set>
#include <sstream>

using namespace slicepatch::test;

namespace {

std::vector<std::string> lines(const std::string &command)
{
    const Outcome outcome = run_shell(command);
    REQUIRE(outcome.status == 0);
    std::istringstream text(outcome.out);
    std::vector<std::string> result;
    for (std::string line; std::getline(text, line);)
        result.push_back(line);
    return result;
}

} // namespace

TEST_CASE("the layouts are the same code at other places")
{
    const std::vector<std::string> names =
        lines("nm -n " + quote(BENCH) + " | sed -n 's/.* t \\(site_[0-9]*\\)$/\\1/p'");
    REQUIRE(names.size() == 8 * 8 * 1000);
    std::set<std::vector<std::string>> orders;
    for (auto at = names.begin(); at < names.end(); at += 1000) // each variant of each layout is in one piece
        orders.emplace(at, at + 1000);
    for (const std::vector<std::string> &order : orders)
        CHECK(std::set<std::string>(order.begin(), order.end()).size() == 1000);
    if (orders.size() == 1 &&
        run_shell("readelf -p .comment " + quote(BENCH) + " | grep -E 'LLD|mold|gold'").status == 0)
        return skip("this linker does not sort sections");
    CHECK(orders.size() == 8 * 8);
    std::set<char> offsets; // in a cache line
    for (const std::string &address : lines("nm " + quote(BENCH) + " | sed -n 's/\\(.*\\) t run_spinlock$/\\1/p'"))
        offsets.insert(address[address.size() - 2]);
    CHECK(offsets.size() > 2);
}
