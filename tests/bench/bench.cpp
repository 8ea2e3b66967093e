// SPDX-License-Identifier: MIT
#include "bench.h"

#include <doctest/doctest.h>

namespace slicepatch::test {

Outcome bench(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), {SLICEPATCH, "bench"});
    return run(arguments);
}

Json bench_json(std::vector<std::string> arguments)
{
    arguments.emplace_back("--json");
    const Outcome outcome = bench(std::move(arguments));
    INFO(outcome.error);
    REQUIRE(outcome.status == 0);
    return Json::parse(outcome.out);
}

const Json &named(const Json &array, const std::string &name)
{
    for (const Json &element : array)
        if (element.at("name") == name)
            return element;
    FAIL("no element named ", name);
    return array; // not reached
}

std::vector<std::string> names(const Json &array)
{
    std::vector<std::string> result;
    for (const Json &element : array)
        result.push_back(element.at("name"));
    return result;
}

} // namespace slicepatch::test
