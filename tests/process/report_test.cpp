// SPDX-License-Identifier: MIT
//
// The report: of what size, and what of it is printed where.
#include "outcome.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

using namespace slicepatch::test;

namespace {

/// Descriptor 2 is a file of data, as in a daemon that closed standard error before it opened that.
const std::string data_file = (std::filesystem::temp_directory_path() / "slicepatch-data").string();

bool open_data_as_standard_error()
{
    close(STDERR_FILENO);
    return open(data_file.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600) == STDERR_FILENO;
}

std::uintmax_t bytes_written_with(const std::vector<std::string> &environment)
{
    const Outcome outcome = run({.program = SUBJECT,
                                 .arguments = {"kernel=stock", "yield=ok", "init", "run=10", "check"},
                                 .environment = environment,
                                 .before_exec = open_data_as_standard_error});
    CHECK(outcome.value("counted") == "yes");
    const std::uintmax_t size = std::filesystem::file_size(data_file);
    std::filesystem::remove(data_file);
    return size;
}

bool close_standard_error()
{
    return close(STDERR_FILENO) == 0;
}

} // namespace

TEST_CASE("nothing is written to descriptor 2 unless somebody asks for words")
{
    for (const std::vector<std::string> &environment : {std::vector<std::string>{},
                                                        {"SLICEPATCH_VERBSE=1"},
                                                        {"SLICEPATCH_VERBOSE=0"},
                                                        {"SLICEPATCH_VERBOSE=yes"},
                                                        {"SLICEPATCH=maybe"},
                                                        {"SLICEPATCH=require"},
                                                        {"SLICEPATCH_SITES=nothing"},
                                                        {"SLICEPATCH_SEAL=1"}})
        CHECK(bytes_written_with(environment) == 0);
    CHECK(bytes_written_with({"SLICEPATCH_VERBOSE=1"}) != 0);
}

TEST_CASE("words that cannot be written are lost, and nothing else is")
{
    const Outcome outcome = run({.program = SUBJECT,
                                 .arguments = {"kernel=stock", "yield=ok", "init", "run=10", "check"},
                                 .environment = {"SLICEPATCH_VERBOSE=1"},
                                 .before_exec = close_standard_error});
    CHECK(outcome.status == 0);
    CHECK(outcome.value("errno") == "kept");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("a report of a size that nobody can mean is refused before anything happens")
{
    const struct {
        const char *size;
        int error;
    } cases[] = {{"0", EINVAL}, {"7", EINVAL}, {"4097", E2BIG}, {"4294967295", E2BIG}};
    for (const auto &c : cases) {
        CAPTURE(c.size);
        const std::string size = std::string("=") + c.size;
        const Outcome init = run_subject({"kernel=none", "init-with-report" + size, "run=10", "check", "states"});
        CHECK(init.value("answer") == std::to_string(-c.error));
        CHECK(init.value("behind") == "untouched");
        CHECK(init.state_of("first") == "compiled");
        CHECK(run_subject({"kernel=none", "init", "report" + size}).value("answer") == std::to_string(-c.error));
    }
}

TEST_CASE("the report of an older program is filled as far as it goes, and its text says no more")
{
    needs_whole_system("no process is single-threaded, and the report tells of the writer");
    for (const bool again : {false, true}) {
        const auto filled = [again](const std::string &size) {
            return again ? run_subject({"kernel=none", "init", "report=" + size})
                         : run_subject({"kernel=none", "init-with-report=" + size});
        };
        CAPTURE(again);
        const Outcome numbers = filled("48"), cut = filled("110"), word = filled("64"), all = filled("480");
        for (const Outcome &outcome : {numbers, cut, word, all}) {
            CAPTURE(outcome.out);
            CHECK(outcome.value("answer") == "0");
            CHECK(outcome.value("behind") == "untouched");
            CHECK(outcome.value("off") == all_sites);
        }
        CHECK(numbers.value("size") == "48");
        CHECK(numbers.value("writer") == "");
        CHECK(numbers.out.find("slicepatch: guarantee none: \n") != std::string::npos);
        CHECK(numbers.out.find("(\xee") == std::string::npos);
        CHECK(word.value("writer") == "procmem");
        CHECK(word.value("verifier") == "");
        CHECK(cut.value("reason") == "the kernel ha");
        CHECK(cut.out.find("slicepatch: guarantee none: the kernel ha\n") != std::string::npos);
        CHECK(all.value("reason").starts_with("the kernel has no time slice extension"));
    }
}

TEST_CASE("the report of a newer program has zero where this library knows nothing")
{
    for (const char *verb : {"init-with-report", "report"})
        for (const std::string size : {"481", "500", "4096"}) {
            const Outcome outcome = run_subject({"kernel=none", "init", verb + ("=" + size)});
            CHECK(outcome.value("answer") == "0");
            CHECK(outcome.value("size") == size);
            CHECK(outcome.value("rest") == "zero");
            CHECK(outcome.value("behind") == "untouched");
            CHECK(outcome.value("off") == all_sites);
            CHECK(outcome.out.find("slicepatch: 15 sites in 1 objects: 0 enabled, 15 off") != std::string::npos);
        }
}

TEST_CASE("init works without a report")
{
    const Outcome outcome = run_subject({"kernel=none", "init-without-report", "states"});
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.state_of("first") == "off");
}

TEST_CASE("SLICEPATCH_VERBOSE=1 prints the report on standard error, 0 prints nothing")
{
    needs_whole_system("no process is single-threaded, and the report tells of the writer");
    const Outcome outcome = run_subject({"kernel=none", "init", "text"}, {"SLICEPATCH_VERBOSE=1"});
    CAPTURE(outcome.error);
    CHECK(outcome.error.starts_with(
        "slicepatch: guarantee none: the kernel has no time slice extension (Linux 7.0 and later have it)\n"
        "slicepatch: 15 sites in 1 objects: 0 enabled, 15 off, 0 compiled, 0 foreign (procmem writer, proven by " DECODER
        ")\n"
        "slicepatch: 0 threads enabled, 0 missed; yields by system call 471; init took "));
    CHECK(outcome.out.find(outcome.error) != std::string::npos); // slicepatch_report_text() says the same
    CHECK(outcome.value("length") == "right");
    CHECK(outcome.value("cut") == "slicepatc");
    CHECK(run_subject({"kernel=none", "init"}, {"SLICEPATCH_VERBOSE=0"}).error == "");
}
