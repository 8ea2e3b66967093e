// SPDX-License-Identifier: MIT
#include "bench.h"
#include "tests/skip.h"

#include <doctest/doctest.h>

namespace slicepatch::test {

namespace {

/// Under an emulator of processes: only the first one is emulated, what that one starts is not.
void skip_if_not_emulated(const Outcome &outcome)
{
    if (!emulator())
        return;
    for (const char *words : {"failed with status 127", "ended without having been simulated"})
        if (outcome.error.find(words) != std::string::npos)
            skip(std::string(emulator()) + ": " + outcome.error);
}

} // namespace

std::string tool(const std::string &program)
{
    return (emulator() ? "\"$(command -v " + quote(emulator()) + ")\" " : "") + quote(program);
}

Outcome run_tool(const std::string &script)
{
    Outcome outcome = run_shell(script);
    skip_if_not_emulated(outcome);
    return outcome;
}

Outcome bench(const std::vector<std::string> &arguments)
{
    std::string script = tool(BENCH) + " bench";
    for (const std::string &argument : arguments)
        script += " " + quote(argument);
    return run_tool(script);
}

Json bench_json(std::vector<std::string> arguments)
{
    arguments.emplace_back("--json");
    const Outcome outcome = bench(arguments);
    INFO(outcome.error);
    REQUIRE(outcome.status == 0);
    return Json::parse(outcome.out);
}

Json named(const Json &array, const std::string &name)
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
