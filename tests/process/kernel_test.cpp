// SPDX-License-Identifier: MIT
//
// What the kernel answers, in words and in bytes. The answers are made by seccomp filters, so that every machine gives
// them; what a real grant does is for the simulated kernel and the virtual machines.
#include "child.h"
#include "expected_bytes.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <regex>
#include <sys/syscall.h>

using namespace slicepatch::test;

namespace {

Outcome init_on(const std::string &kernel, const std::string &yield = "yield=ok") {
    return run_subject({kernel, yield, "init", "run=1000", "check", "states"});
}

void check_none(const std::string &kernel, const std::string &reason) {
    const Outcome outcome = init_on(kernel);
    CAPTURE(outcome.out);
    if (skipped(outcome, "answers of the kernel"))
        return;
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("guarantee") == "0");
    CHECK(outcome.value("reason") == reason);
    CHECK(outcome.value("off") == all_sites);
    CHECK(outcome.value("chooses") == "0");
    CHECK(outcome.value("counted") == "yes");
}

void check_bytes(const Outcome &outcome, const std::string &state) {
    CHECK(outcome.sites.size() == std::stoul(all_sites));
    for (const SeenSite &site : outcome.sites) {
        const std::string expected = expected_bytes(site.kind, state, std::stoi(outcome.value("slice_ctrl")));
        CHECK_MESSAGE(std::regex_match(site.bytes, std::regex(expected)), site.name << " " << site.kind);
        CHECK(site.state == state);
    }
}

bool has_legacy_area() {
    return run_subject({"legacy"}).value("legacy") == "yes";
}

} // namespace

TEST_CASE("a kernel without slice extensions means no-ops, and says why") {
    check_none("kernel=none", "the kernel has no time slice extension (Linux 7.0 and later have it)");
    check_none("kernel=unregistered", "no rseq area is registered for this thread");
    check_none("kernel=denied", "locked in the disabled state, or a sandbox denies the prctl");
    check_none("kernel=sandbox", "a sandbox denies the prctl");
    check_none("kernel=strange", "the kernel answers with error " + std::to_string(EPROTO));
}

TEST_CASE("a kernel that has it switched off, or a libc whose area is too small, means no-ops, and says why") {
    check_none("kernel=off", has_legacy_area()
                                 ? "libc registered the legacy 32-byte rseq area, which cannot have it (glibc 2.41 and "
                                   "later can, or SLICEPATCH_RSEQ=own), or the kernel has it switched off"
                                 : "the kernel has it switched off (RSEQ_SLICE_EXTENSION not built, or "
                                   "rseq_slice_ext=0)");
}

TEST_CASE("a stock kernel means enabled sites, with the guarantee for each thread only") {
    const Outcome outcome = init_on("kernel=stock");
    if (skipped(outcome, "answers of the kernel"))
        return;
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("guarantee") == "1");
    CHECK(outcome.value("reason") ==
          "enabled thread by thread, and any code may revert it: a kernel with the slicepatch series would guarantee "
          "it for the process");
    CHECK(outcome.value("enabled") == all_sites);
    CHECK(outcome.value("threads_enabled") == "1");
    CHECK(outcome.value("threads_missed") == "0");
    CHECK(outcome.value("chooses") == "1");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("each site is exactly the documented instructions in each state") {
    check_bytes(run_subject({"states"}), "compiled");
    check_bytes(init_on("kernel=none"), "off");
    check_bytes(init_on("kernel=stock"), "enabled");
}

TEST_CASE("a sandbox that denies rseq_slice_yield selects another system call to end a slice") {
    CHECK(init_on("kernel=stock", "yield=ok").value("yield_number") == "471");
    for (const char *yield : {"yield=denied", "yield=missing"}) {
        const Outcome outcome = init_on("kernel=stock", yield);
        CHECK(outcome.value("yield_number") == std::to_string(SYS_sched_yield));
        CHECK(outcome.value("enabled") == all_sites);
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("rseq_slice_yield is not tried where there is nothing to yield") {
    CHECK(init_on("kernel=none", "yield=denied").value("yield_number") == "471");
}

TEST_CASE("tcmalloc's per-CPU caches mean no-ops, and nobody touches the rseq area") {
    const std::vector<std::string> verbs = {"kernel=stock", "yield=ok", "hook=first", "init", "mark",
                                            "run=10",       "check",    "marked",     "states"};
    const Outcome outcome = run({.program = SUBJECT_TCMALLOC, .arguments = verbs});
    CAPTURE(outcome.out);
    if (skipped(outcome, "a hook"))
        return;
    CHECK(outcome.value("guarantee") == "0");
    CHECK(outcome.value("reason") ==
          "tcmalloc's per-CPU caches own the rseq area (GLIBC_TUNABLES or tcmalloc settings free it)");
    CHECK(outcome.value("off") == all_but_one_group);
    CHECK(outcome.value("compiled") == "1"); // of the hooked label, which takes the dynamic path
    CHECK(outcome.value("counted") == "yes");
    CHECK(outcome.value("marked") == "yes");
    CHECK(outcome.value("threads_enabled") == "0");
    // The mark means something: without tcmalloc the same path clears it.
    CHECK(run_subject(verbs).value("marked") == "no");
}
