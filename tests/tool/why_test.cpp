// SPDX-License-Identifier: MIT
#include "sample.h"

#include "patcher/tool/probe.h"

#include <doctest/doctest.h>

#include <set>

using namespace slicepatch;
using namespace slicepatch::test;

namespace {

using Json = nlohmann::json;

Json why(const std::vector<std::string> &before)
{
    std::vector<std::string> command = before;
    command.insert(command.end(), {SLICEPATCH, "why", "--json"});
    const Outcome outcome = run(command);
    CHECK(outcome.status == 0);
    return Json::parse(outcome.out);
}

Json why_under(const std::string &kernel)
{
    return why({SLICEPATCH, "sim", "--kernel", kernel, "--"});
}

std::string verdict(const Json &answer, const std::string &name)
{
    for (const Json &check : answer["checks"])
        if (check["name"] == name)
            return check["verdict"];
    return "no such check";
}

} // namespace

TEST_CASE("why answers in the documented form")
{
    const Json answer = why({});
    std::set<std::string> keys;
    for (const auto &[key, value] : answer.items())
        keys.insert(key);
    CHECK(keys == std::set<std::string>{"guarantee", "reason", "next", "checks"});
    CHECK(std::set<std::string>{"none", "thread", "sealed", "process"}.contains(answer["guarantee"]));
    CHECK(answer["reason"] != "");
    CHECK(answer["next"] != "");
    std::set<std::string> names;
    for (const Json &check : answer["checks"]) {
        CHECK(check.size() == 3);
        CHECK(std::set<std::string>{"ok", "bad", "note", "unknown"}.contains(check["verdict"]));
        CHECK(check["detail"] != "");
        CHECK(names.insert(check["name"]).second);
    }
    CHECK(names.size() == 17);
    const Outcome text = slicepatch_tool({"why"});
    CHECK(text.status == 0);
    for (const char *line : {"\nguarantee: ", "\nreason:    ", "\nnext:      "})
        CHECK(text.out.find(line) != std::string::npos);
}

TEST_CASE("why follows the kernel")
{
    CHECK(why_under("patched")["guarantee"] == "process");
    CHECK(why_under("patched")["next"] == "none: there is no higher guarantee");
    CHECK(verdict(why_under("patched"), "kernel-series") == "ok");

    CHECK(why_under("stock")["guarantee"] == "thread");
    // A seal is what else would help, where this kernel lets us own an area.
    const std::string next = why_under("stock")["next"];
    CHECK(next.starts_with("boot a kernel with the slicepatch series (kernel/README.md)"));
    CHECK(verdict(why_under("stock"), "kernel-series") == "bad");
    CHECK(verdict(why_under("stock"), "slice-extension") == "ok");

    CHECK(why_under("off")["guarantee"] == "none");
    CHECK(why_under("none")["guarantee"] == "none");
    CHECK(why_under("none")["next"].get<std::string>().starts_with("boot Linux 7.0 or later"));
    CHECK(verdict(why_under("none"), "slice-extension") == "bad");
}

TEST_CASE("a guarantee is given whole: nothing is called bad that did no harm")
{
    const Json checks = why_under("patched")["checks"];
    REQUIRE(!checks.empty());
    for (const Json &check : checks)
        CHECK(check["verdict"] != "bad");
}

TEST_CASE("why follows the environment")
{
    const Json off = why({"env", "SLICEPATCH=off"});
    CHECK(off["guarantee"] == "none");
    CHECK(off["next"] == "unset SLICEPATCH");
    CHECK(verdict(off, "environment") == "bad");

    const Json unknown = why({"env", "SLICEPATCH=banana"});
    CHECK(unknown["guarantee"] == "none");
    CHECK(unknown["reason"].get<std::string>().find("SLICEPATCH=banana is not one of") != std::string::npos);

    const auto detail = [](const Json &answer) {
        for (const Json &check : answer["checks"])
            if (check["name"] == "environment")
                return check["detail"].get<std::string>();
        return std::string();
    };
    const Json misspelt = why({"env", "SLICEPATCH_VERBSE=1", "SLICEPATCH_SITES=x"});
    CHECK(verdict(misspelt, "environment") == "note");
    CHECK(detail(misspelt).ends_with("; no part of slicepatch reads SLICEPATCH_VERBSE"));
    CHECK(detail(why({"env", "SLICEPATCH_VERBOSE=1"})).find("no part") == std::string::npos);

    // It says what this machine can give, though init would fail.
    const Json required = why({SLICEPATCH, "sim", "--kernel", "stock", "--", "env", "SLICEPATCH=require"});
    CHECK(required["guarantee"] == "thread");
    CHECK(verdict(required, "environment") == "bad");
    CHECK(required["next"].get<std::string>().starts_with("unset SLICEPATCH, or boot"));

    CHECK(verdict(why({"env", "GLIBC_TUNABLES=glibc.pthread.rseq=0"}), "glibc-tunables") == "bad");
    CHECK(verdict(why({"env", "GLIBC_TUNABLES=glibc.pthread.rseq=0"}), "libc-rseq") == "bad");
    CHECK(verdict(why({}), "glibc-tunables") == "ok");
}

TEST_CASE("asking changes nothing in the process that asks")
{
    const KernelFacts before = ask_kernel();
    const tool::Probe probe = tool::run_probe();
    CHECK(probe.answered);
    const KernelFacts after = ask_kernel();
    CHECK(before.state == after.state);
    CHECK(before.features == after.features);
    CHECK(probe.facts.state == before.state);
}

TEST_CASE("why --pid says what its sites tell")
{
    const RunningSample compiled({SAMPLE_LIVE, "--unpatched"});
    CHECK(slicepatch_json({"why", "--pid", std::to_string(compiled.pid())})["guarantee"] == "unknown");
    const RunningSample off({"env", "SLICEPATCH=off", SAMPLE_LIVE});
    const Json answer = slicepatch_json({"why", "--pid", std::to_string(off.pid())});
    CHECK(answer["guarantee"] == "none");
    CHECK(verdict(answer, "environment") == "note");
    CHECK(verdict(answer, "libc") == "ok");
    CHECK(verdict(answer, "threads") == "ok");
    const Outcome gone = slicepatch_tool({"why", "--pid", "2147483647"});
    CHECK(gone.status == 2);
    CHECK(gone.error == "slicepatch: process 2147483647: no such process\n");
    const RunningSample misspelt({"env", "SLICEPATCH_WRITR=rwx", SAMPLE_LIVE});
    const Json seen = slicepatch_json({"why", "--pid", std::to_string(misspelt.pid())});
    CHECK(seen.dump().find("no part of slicepatch reads SLICEPATCH_WRITR") != std::string::npos);
}
