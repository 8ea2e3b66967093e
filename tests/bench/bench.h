// SPDX-License-Identifier: MIT
//
// Runs `slicepatch bench` as short as it can be, and finds things in its JSON.
#ifndef SLICEPATCH_TESTS_BENCH_BENCH_H
#define SLICEPATCH_TESTS_BENCH_BENCH_H

#include "command.h"

#include <nlohmann/json.hpp>

namespace slicepatch::test {

using Json = nlohmann::json;

/// One block in one process: for everything but times.
inline const std::vector<std::string> shortest{"--quick", "--blocks", "1", "--processes", "1"};

/// A program of this tree as the beginning of a command for a shell.
std::string tool(const std::string &program = SLICEPATCH);

/// Such a command. Where it starts programs that an emulator cannot run, the case ends as a skip.
Outcome run_tool(const std::string &script);

Outcome bench(const std::vector<std::string> &arguments);

/// The same with --json; checks that it succeeded.
Json bench_json(std::vector<std::string> arguments);

/// The element of that name, by value: a reference would look to a compiler as if it could be into an argument that is
/// gone. Fails the test case if there is none.
Json named(const Json &array, const std::string &name);

std::vector<std::string> names(const Json &array);

} // namespace slicepatch::test

#endif // SLICEPATCH_TESTS_BENCH_BENCH_H
