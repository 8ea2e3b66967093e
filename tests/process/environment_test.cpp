// SPDX-License-Identifier: MIT
//
// What the user of a program and its author may ask of init, and what they are told when they ask for something else.
#include "outcome.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace slicepatch::test;

namespace {

/// An error, the words in the report and nowhere else, and a program that works as compiled.
void check_refused(const Outcome &outcome, const std::string &reason, int error = EINVAL)
{
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("answer") == std::to_string(-error));
    CHECK(outcome.value("reason") == reason);
    CHECK(outcome.error == "");
    CHECK(outcome.value("errno") == "kept");
    for (const SeenSite &site : outcome.sites)
        CHECK(site.state == "compiled");
    CHECK(outcome.sites.size() == std::stoul(all_sites));
    CHECK(outcome.value("counted") == "yes");
}

Outcome init_with(const std::vector<std::string> &environment, const std::string &kernel = "kernel=none")
{
    return run_subject({kernel, "yield=ok", "init", "run=1000", "check", "states"}, environment);
}

Outcome init_with_options(std::vector<std::string> options, const std::vector<std::string> &environment = {})
{
    options.insert(options.begin(), {"kernel=stock", "yield=ok"});
    options.insert(options.end(), {"init", "run=1000", "check", "states"});
    return run_subject(options, environment);
}

void check_selected(const Outcome &outcome, const std::vector<std::string> &enabled)
{
    CAPTURE(outcome.out);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("counted") == "yes");
    for (const char *name :
         {"first", "second", "plain_one", "plain_two", "chooses", "slicepatch.outermost", "handler"}) {
        const bool wanted = std::find(enabled.begin(), enabled.end(), name) != enabled.end();
        CHECK_MESSAGE(outcome.state_of(name) == (wanted ? "enabled" : "off"), name);
    }
}

} // namespace

TEST_CASE("an unknown value of an environment variable is refused in words and leaves every site as compiled")
{
    check_refused(init_with({"SLICEPATCH=maybe"}), "SLICEPATCH=maybe is not one of auto, off, require, compiled");
    check_refused(init_with({"SLICEPATCH_WRITER=pen"}), "SLICEPATCH_WRITER=pen is not one of auto, procmem, rwx");
    check_refused(init_with({"SLICEPATCH_VERIFY=all"}), "SLICEPATCH_VERIFY=all is not one of auto, decoder");
    check_refused(init_with({"SLICEPATCH_LIVE=yes"}), "SLICEPATCH_LIVE=yes is not one of 0, 1");
    check_refused(init_with({"SLICEPATCH_LOCK=no"}), "SLICEPATCH_LOCK=no is not one of 0, 1");
    check_refused(init_with({"SLICEPATCH_VERBOSE=2"}), "SLICEPATCH_VERBOSE=2 is not one of 0, 1");
    check_refused(init_with({"SLICEPATCH=\033[2J\xe2\x80\xae"}),
                  "SLICEPATCH=?[2J??? is not one of auto, off, require, compiled");
}

TEST_CASE("a variable that cannot be understood is named on standard error by who is verbose")
{
    const std::string reason = "SLICEPATCH=maybe is not one of auto, off, require, compiled";
    const Outcome outcome = init_with({"SLICEPATCH=maybe", "SLICEPATCH_VERBOSE=1"});
    CHECK(outcome.value("reason") == reason);
    CHECK(outcome.error.starts_with("slicepatch: guarantee none: " + reason + "\n"));
    const Outcome options = init_with_options({"flags=3"}, {"SLICEPATCH_VERBOSE=1"});
    CHECK(options.error.starts_with("slicepatch: guarantee none: the options ask for OFF and for REQUIRE\n"));
}

TEST_CASE("an empty variable is an unset one")
{
    for (const char *name : {"SLICEPATCH", "SLICEPATCH_SITES", "SLICEPATCH_RSEQ", "SLICEPATCH_SEAL", "SLICEPATCH_LOCK",
                             "SLICEPATCH_WRITER", "SLICEPATCH_LIVE", "SLICEPATCH_VERBOSE", "SLICEPATCH_VERIFY"}) {
        CAPTURE(name);
        const Outcome outcome = init_with_options({"sites=first"}, {std::string(name) + "="});
        check_selected(outcome, {"first"});
        CHECK(outcome.error == "");
    }
}

TEST_CASE("a name that nobody reads is named by who is verbose, and is silent otherwise")
{
    const std::vector<std::string> misspelt = {"SLICEPATCH_VERBSE=1", "SLICEPATCH_SITE=-*", "SLICEPATCHED=1"};
    CHECK(init_with(misspelt).error == "");
    std::vector<std::string> verbose = misspelt;
    verbose.push_back("SLICEPATCH_VERBOSE=1");
    const std::string said = init_with(verbose).error;
    for (const char *name : {"SLICEPATCH_VERBSE", "SLICEPATCH_SITE", "SLICEPATCHED"}) {
        const std::string line = std::string("slicepatch: no part of slicepatch reads the variable ") + name + "\n";
        CHECK_MESSAGE(said.find(line) != std::string::npos, name);
    }
    CHECK(said.find("variable SLICEPATCH_VERBOSE") == std::string::npos);
}

TEST_CASE("a value that does not end is cut in the message")
{
    const std::string endless(5000, 'x');
    check_refused(init_with({"SLICEPATCH=" + endless}),
                  "SLICEPATCH=" + endless.substr(0, 64) + " is not one of auto, off, require, compiled");
}

TEST_CASE("options that are smaller than their first version, or with unknown or contradicting flags, are refused")
{
    const std::string reason = "the options are of an unknown size or have unknown flags";
    check_refused(init_with_options({"size=8"}), reason);
    check_refused(init_with_options({"size=0"}), reason);
    check_refused(init_with_options({"flags=0x80000000"}), reason);
    check_refused(init_with_options({"flags=12"}), "the options ask for LOCK and for ADOPT");
    check_refused(init_with_options({"flags=3"}), "the options ask for OFF and for REQUIRE");
    check_refused(init_with_options({"flags=3"}, {"SLICEPATCH=off"}), "the options ask for OFF and for REQUIRE");
}

TEST_CASE("options of a newer program are understood as long as they ask for nothing new")
{
    check_selected(init_with_options({"sites=first", "size=17"}), {"first"});
    check_selected(init_with_options({"sites=first", "size=4096"}), {"first"});
    check_selected(init_with_options({"sites=first", "size=24", "byte=24"}), {"first"}); // behind them
    const std::string reason = "the options have fields that this library is too old for";
    check_refused(init_with_options({"size=24", "byte=16"}), reason, E2BIG);
    check_refused(init_with_options({"size=4096", "byte=4095"}), reason, E2BIG);
    check_refused(init_with_options({"size=4097"}), reason, E2BIG);
    check_refused(init_with_options({"size=0xffffffff"}), reason, E2BIG);
}

TEST_CASE("SLICEPATCH=off asks for nothing and switches the sites off")
{
    const Outcome outcome = init_with({"SLICEPATCH=off"}, "kernel=stock");
    CHECK(outcome.value("guarantee") == "0");
    CHECK(outcome.value("reason") == "switched off by SLICEPATCH=off or an option");
    CHECK(outcome.value("off") == all_sites);
    CHECK(outcome.value("threads_enabled") == "0");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("SLICEPATCH=compiled gives the same guarantee and leaves the sites as compiled")
{
    const Outcome outcome = init_with({"SLICEPATCH=compiled"}, "kernel=stock");
    CAPTURE(outcome.out);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("guarantee") == "1");
    CHECK(outcome.value("compiled") == all_sites);
    CHECK(outcome.value("writer") == "none");
    CHECK(outcome.value("failure") == "");
    CHECK(outcome.value("threads_enabled") == "1");
    CHECK(outcome.value("chooses") == "1"); // as compiled, it is asked at run time
    CHECK(outcome.value("counted") == "yes");
    CHECK(init_with({"SLICEPATCH=compiled"}, "kernel=none").value("compiled") == all_sites);
}

TEST_CASE("SLICEPATCH=auto is the default")
{
    for (const std::vector<std::string> &environment : {std::vector<std::string>{}, {"SLICEPATCH=auto"}}) {
        const Outcome outcome = init_with(environment, "kernel=stock");
        CHECK(outcome.value("guarantee") == "1");
        CHECK(outcome.value("enabled") == all_sites);
    }
}

TEST_CASE("SLICEPATCH=require fails below the guarantee for the process and leaves every site as compiled")
{
    for (const char *kernel : {"kernel=none", "kernel=stock"}) {
        const Outcome outcome = init_with({"SLICEPATCH=require"}, kernel);
        CAPTURE(outcome.out);
        CHECK(outcome.value("answer") == std::to_string(-EPERM));
        CHECK(outcome.value("compiled") == all_sites);
        CHECK(outcome.value("failure") == "this process cannot have the required guarantee");
        CHECK(outcome.value("errno") == "kept");
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("the environment has the last word over the options")
{
    const std::string off = "flags=1", require = "flags=2";
    CHECK(init_with_options({off}).value("off") == all_sites);
    CHECK(init_with_options({off}, {"SLICEPATCH=auto"}).value("enabled") == all_sites);
    CHECK(init_with_options({require}).value("answer") == std::to_string(-EPERM));
    CHECK(init_with_options({require}, {"SLICEPATCH=off"}).value("off") == all_sites);
    check_selected(init_with_options({"sites=first"}, {"SLICEPATCH_SITES=second"}), {"second"});
}

TEST_CASE("SLICEPATCH_SITES selects by label")
{
    check_selected(init_with({"SLICEPATCH_SITES=first"}, "kernel=stock"), {"first"});
    check_selected(init_with({"SLICEPATCH_SITES=f*,second"}, "kernel=stock"), {"first", "second"});
    check_selected(init_with({"SLICEPATCH_SITES=*,-second,-slicepatch.*"}, "kernel=stock"),
                   {"first", "plain_one", "plain_two", "chooses", "handler"});
    check_selected(init_with({"SLICEPATCH_SITES=-*,s?cond"}, "kernel=stock"), {"second"});
    check_selected(init_with({"SLICEPATCH_SITES=nothing"}, "kernel=stock"), {});
}

TEST_CASE("SLICEPATCH_SITES selects by function where a site has no label")
{
    check_selected(init_with({"SLICEPATCH_SITES=plain_*"}, "kernel=stock"), {"plain_one", "plain_two"});
    check_selected(init_with({"SLICEPATCH_SITES=-plain_two"}, "kernel=stock"),
                   {"first", "second", "plain_one", "chooses", "slicepatch.outermost", "handler"});
    check_selected(init_with_options({"sites=chooses"}), {"chooses"});
}

TEST_CASE("a selection by names that no site has is told of")
{
    const auto failure = [](const std::string &sites) {
        return init_with({"SLICEPATCH_SITES=" + sites}, "kernel=stock").value("failure");
    };
    const std::string words = "SLICEPATCH_SITES selects by names that no site has: ";
    CHECK(failure("first,plain_*,-second") == "");
    CHECK(failure("-*") == "");
    CHECK(failure("frist") == words + "frist");
    CHECK(failure("*,-frist") == words + "-frist");
    CHECK(failure("first,-plain_thre,second,outermost,x") == words + "-plain_thre, and others");
    CHECK(failure(std::string(70, 'y')) == words + std::string(64, 'y') + "...");
    CHECK(init_with_options({"sites=frist"}).value("failure") == words + "frist");
    CHECK(init_with({"SLICEPATCH_SITES=frist", "SLICEPATCH_VERBOSE=1"}).error.find(words + "frist\n") !=
          std::string::npos);
}

TEST_CASE("an item of a selection that is too long is refused and leaves every site as compiled")
{
    const std::string longest(4095, 'x');
    check_refused(init_with({"SLICEPATCH_SITES=first,-" + longest + "x"}),
                  "SLICEPATCH_SITES has an item of more than 4095 bytes");
    check_refused(init_with_options({"sites=" + longest + "x"}),
                  "the options' list of sites has an item of more than 4095 bytes");
    check_selected(init_with({"SLICEPATCH_SITES=first,-" + longest}, "kernel=stock"), {"first"});
}

TEST_CASE("SLICEPATCH_WRITER chooses how bytes are written")
{
    for (const char *writer : {"procmem", "rwx"}) {
        const Outcome outcome = init_with({std::string("SLICEPATCH_WRITER=") + writer});
        CHECK(outcome.value("writer") == writer);
        CHECK(outcome.value("off") == all_sites);
        CHECK(outcome.value("counted") == "yes");
    }
}

namespace {

/// A copy of a program that runs as its owner, root, whoever starts it.
class SetuidCopy {
public:
    explicit SetuidCopy(const std::string &program)
        : path_(folder_.copy(program, "program")),
          made_(chown(path_.c_str(), 0, 0) == 0 && chmod(path_.c_str(), 04755) == 0)
    {
    }

    [[nodiscard]] bool made() const
    {
        return made_;
    }
    [[nodiscard]] const std::string &path() const
    {
        return path_;
    }

private:
    TemporaryFolder folder_;
    std::string path_;
    bool made_ = false;
};

bool become_nobody()
{
    constexpr uid_t nobody = 65534;
    return setgroups(0, nullptr) == 0 && setgid(nobody) == 0 && setuid(nobody) == 0;
}

} // namespace

TEST_CASE("a set-user-ID program ignores the environment")
{
    constexpr const char *what = "a set-user-ID program";
    if (geteuid() != 0)
        return skip(what, "needs root");
    const SetuidCopy copy(SUBJECT_ARCHIVE); // with the library inside: the loader would not find it here
    if (!copy.made())
        return skip(what, "the folder for temporary files takes no copy with that bit");
    // "kernel" would take the privilege away at the next exec only; the verbs are those of this very process.
    const Outcome outcome = run({.program = copy.path(),
                                 .arguments = {"secure", "kernel=none", "init", "states"},
                                 .environment = {"SLICEPATCH=maybe", "SLICEPATCH_SITES=-*", "SLICEPATCH_VERBOSE=1",
                                                 "SLICEPATCH_WRITER=pen", "SLICEPATCH_LIVE=x"},
                                 .before_exec = become_nobody});
    CAPTURE(outcome.out);
    if (outcome.status == 0 && outcome.value("secure") == "0")
        return skip(what, "this file system or container ignores the bit");
    REQUIRE(outcome.status == 0);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("off") == all_sites);
    CHECK(outcome.error == "");
    // The same program heeds them when it has no more rights than its caller.
    CHECK(
        run({.program = SUBJECT_ARCHIVE, .arguments = {"init"}, .environment = {"SLICEPATCH=maybe"}}).value("answer") ==
        std::to_string(-EINVAL));
}
