// SPDX-License-Identifier: MIT
//
// What the kernel answers, in words and in bytes. The answers are made by seccomp filters, so that every machine gives
// them; what a real grant does is for the simulated kernel and the virtual machines.
#include "outcome.h"
#include "expected_bytes.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <regex>

using namespace slicepatch::test;

namespace {

Outcome init_on(const std::string &kernel, const std::string &yield = "yield=ok")
{
    return run_subject({kernel, yield, "init", "run=1000", "check", "states"});
}

void check_none(const std::string &kernel, const std::string &reason)
{
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

void check_bytes(const Outcome &outcome, const std::string &state)
{
    CHECK(outcome.sites.size() == std::stoul(all_sites));
    for (const SeenSite &site : outcome.sites) {
        const std::string expected = expected_bytes(site.kind, state, std::stoi(outcome.value("slice_ctrl")));
        CHECK_MESSAGE(std::regex_match(site.bytes, std::regex(expected)), site.name << " " << site.kind);
        CHECK(site.state == state);
    }
}

bool has_legacy_area()
{
    return run_subject({"legacy"}).value("legacy") == "yes";
}

} // namespace

TEST_CASE("a kernel without slice extensions means no-ops, and says why")
{
    check_none("kernel=none", "the kernel has no time slice extension (Linux 7.0 and later have it)");
    check_none("kernel=unregistered", "no rseq area is registered for this thread");
    check_none("kernel=denied", "locked in the disabled state, or a sandbox denies the prctl");
    check_none("kernel=sandbox", "a sandbox denies the prctl");
    check_none("kernel=strange", "the kernel answers with error " + std::to_string(EPROTO));
}

TEST_CASE("a kernel that has it switched off, or a libc whose area is too small, means no-ops, and says why")
{
    check_none("kernel=off", has_legacy_area()
                                 ? "libc registered the legacy 32-byte rseq area, which cannot have it (glibc 2.41 and "
                                   "later can, or SLICEPATCH_RSEQ=own), or the kernel has it switched off"
                                 : "the kernel has it switched off (RSEQ_SLICE_EXTENSION not built, or "
                                   "rseq_slice_ext=0)");
}

TEST_CASE("a stock kernel means enabled sites, with the guarantee for each thread only")
{
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

TEST_CASE("each site is exactly the documented instructions in each state")
{
    check_bytes(run_subject({"states"}), "compiled");
    check_bytes(init_on("kernel=none"), "off");
    check_bytes(init_on("kernel=stock"), "enabled");
}

TEST_CASE("rseq_slice_yield is not tried where there is nothing to yield")
{
    CHECK(init_on("kernel=none", "yield=denied").value("yield_number") == "471");
}

TEST_CASE("each object is told where the rseq area is, whether or not its own reference to it was resolved")
{
    for (const char *kernel : {"kernel=none", "kernel=stock"}) {
        const Outcome outcome = run_subject({kernel, "yield=ok", "init", "told"});
        if (!skipped(outcome, "libc's area"))
            CHECK(outcome.value("told") == "libc's");
    }
}

// clang refers to what may be undefined through the GOT, where the loader says what it is.
#if defined(NO_PIE_LLD) && !defined(__clang__)
TEST_CASE("a program whose linker made its references to the rseq area 0 is told where it is")
{
    for (const char *program : {NO_PIE_LLD, NO_PIE_LLD_ARCHIVE}) {
        const Outcome before = run({.program = program, .arguments = {"reference"}});
        CHECK(before.value("reference") == "none"); // or this linker has learnt it, and the case shows nothing
        const Outcome outcome =
            run({.program = program, .arguments = {"kernel=stock", "yield=ok", "init", "told", "run=100", "check"}});
        CAPTURE(program);
        CAPTURE(outcome.out);
        CHECK(outcome.value("told") == "libc's");
        CHECK(outcome.value("enabled") == all_sites);
        CHECK(outcome.value("counted") == "yes");
    }
}
#endif

namespace {

/// What a failing init must leave as it was.
void check_untouched(const Outcome &outcome, int error)
{
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("answer") == std::to_string(-error));
    CHECK(outcome.value("guarantee") == "0");
    CHECK(outcome.value("compiled") == all_sites);
    CHECK(outcome.value("libc_registered") == "yes");
    CHECK(outcome.value("errno") == "kept");
    CHECK(outcome.value("counted") == "yes");
}

} // namespace

TEST_CASE("require fails before libc's area is taken over, and says what is missing")
{
    needs_whole_system("seccomp filters");
    for (const char *registration : {"SLICEPATCH_RSEQ=auto", "SLICEPATCH_RSEQ=own", "SLICEPATCH_SEAL=1"}) {
        const std::vector<std::string> environment = {"SLICEPATCH=require", registration, "SLICEPATCH_VERBOSE=1"};
        const Outcome outcome =
            run_subject({"kernel=stock", "yield=ok", "init", "run=100", "check", "libc-area"}, environment);
        check_untouched(outcome, EPERM);
        const std::string reason =
            "the kernel lacks the slicepatch series, which alone keeps the state for the process";
        CHECK(outcome.value("reason") == reason);
        CHECK(outcome.error.starts_with("slicepatch: guarantee none: " + reason + "\n"));
        CHECK(outcome.error.find("slicepatch: this process cannot have the required guarantee\n") != std::string::npos);
        // Whoever has anything to do with areas is killed here: nothing is taken and given back either.
        const Outcome watched =
            run_subject({"kernel=stock", "kill-registrations", "init", "run=100", "check"}, environment);
        CHECK(watched.value("answer") == std::to_string(-EPERM));
    }
    const Outcome none = run_subject({"kernel=none", "init"}, {"SLICEPATCH=require"});
    CHECK(none.value("reason") == "the kernel has no time slice extension (Linux 7.0 and later have it)");
}

TEST_CASE("an init without memory leaves everything as it was, and says so")
{
    for (const char *kernel : {"kernel=none", "kernel=stock"}) {
        const Outcome outcome =
            run_subject({kernel, "yield=ok", "exhaust", "init", "replenish", "run=100", "check", "libc-area"},
                        {"SLICEPATCH_RSEQ=own"});
        if (skipped(outcome, "memory that ends"))
            return;
        CHECK(outcome.value("reason") == "init failed: out of memory");
        CHECK(outcome.value("answer") == std::to_string(-ENOMEM));
        CHECK(outcome.value("libc_registered") == "yes");
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("areas of slicepatch's own that the kernel refuses are told of, and libc has its area back")
{
    needs_whole_system("seccomp filters");
    const std::vector<std::string> own = {"SLICEPATCH_RSEQ=own"};
    const std::string own_words = "no rseq areas of slicepatch's own: ";
    // This kernel registers no area that is enabled from the start; one that did would not refuse.
    const Outcome outcome = run_subject({"kernel=stock", "yield=ok", "init", "run=100", "check", "libc-area"}, own);
    CAPTURE(outcome.out);
    if (outcome.value("failure").empty())
        skip("a registration that is refused", "this kernel registers areas that have slice extensions");
    else
        CHECK(outcome.value("failure") ==
              own_words + "the kernel does not know such areas, or has another library's for this thread");
    CHECK(outcome.value("guarantee") == "1");
    CHECK(outcome.value("libc_registered") == "yes");
    CHECK(outcome.value("counted") == "yes");
    const Outcome denied = run_subject({"kernel=stock", "yield=ok", "rseq=" + std::to_string(EPERM), "init"}, own);
    CHECK(denied.value("failure") == own_words + "libc's registration is not what it says, and was left alone");
    const Outcome late = run_subject({"kernel=stock", "yield=ok", "threads=1", "init", "join"},
                                     {"SLICEPATCH_RSEQ=own", "SLICEPATCH_LIVE=1"});
    CHECK(late.value("failure").starts_with(own_words +
                                            "libc's registration can only be taken over before other threads exist"));
}

TEST_CASE("tcmalloc's per-CPU caches mean no-ops, and nobody touches the rseq area")
{
    const std::vector<std::string> verbs = {"kernel=stock", "yield=ok", "hook=first", "init",  "mark",
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
