// SPDX-License-Identifier: MIT
//
// Standard output and standard error that take nothing: closed, on a full disk, a pipe that nobody reads.
#include "sample.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace slicepatch::test;

namespace {

/// Redirections that take nothing, with the words for each.
struct Taker {
    std::string redirection, words;
};
const std::vector<Taker> takers{
    {">&-", "Bad file descriptor"}, {">/dev/full", "No space left on device"}, {">&9", "Broken pipe"}};

Outcome run_with(const std::string &arguments, const std::string &redirections)
{
    return run_shell(command(SLICEPATCH) + " " + arguments + " " + redirections);
}

std::vector<std::string> with_json(const std::vector<std::string> &commands)
{
    std::vector<std::string> all;
    for (const std::string &one : commands) {
        all.push_back(one);
        all.push_back(one + " --json");
    }
    return all;
}

/// Everything that prints a result. `bench` is tested where its helpers are.
std::vector<std::string> results()
{
    std::vector<std::string> all =
        with_json({"why", "dump " + quote(SAMPLE), "verify " + quote(SAMPLE), "selftest --flips 1000"});
    for (const char *help : {"--help", "--version", "help", "help dump", "dump --help"})
        all.emplace_back(help);
    return all;
}

/// Everything that says what is wrong, with nothing to be printed besides.
const std::vector<std::string> complaints{"",
                                          "nonsense",
                                          "help nonsense",
                                          "dump --nonsense",
                                          "dump",
                                          "dump /nonexistent",
                                          "verify --pid 0",
                                          "why --pid 2147483647",
                                          "selftest --threads 0",
                                          "sim",
                                          "sim --json-file /nonexistent/file -- true"};

/// What a program writes to a terminal that is its standard error; its standard output goes to /dev/null.
std::string on_terminal(const std::vector<std::string> &arguments)
{
    std::vector<char *> words{const_cast<char *>(SLICEPATCH)};
    for (const std::string &argument : arguments)
        words.push_back(const_cast<char *>(argument.c_str()));
    words.push_back(nullptr);
    int terminal = -1;
    const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
    REQUIRE(child >= 0);
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execv(SLICEPATCH, words.data());
        _exit(127);
    }
    std::string text;
    char block[256];
    for (ssize_t count; (count = read(terminal, block, sizeof block)) > 0 || (count < 0 && errno == EINTR);)
        text.append(block, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    close(terminal); // EIO: everybody has closed the other end
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    return text;
}

} // namespace

TEST_CASE("a result that cannot be written is a failure, and one line says why")
{
    const BrokenPipe pipe;
    for (const std::string &arguments : results())
        for (const Taker &taker : takers) {
            CAPTURE(arguments);
            CAPTURE(taker.redirection);
            const Outcome outcome = run_with(arguments, taker.redirection);
            CHECK(outcome.status == 2);
            CHECK(outcome.error == "slicepatch: standard output cannot be written: " + taker.words + "\n");
        }
}

TEST_CASE("a complaint that cannot be written is a failure like the complaint, and no more than that")
{
    const BrokenPipe pipe;
    for (const std::string &arguments : complaints)
        for (const Taker &taker : takers) {
            CAPTURE(arguments);
            CAPTURE(taker.redirection);
            const Outcome outcome = run_with(arguments, "2" + taker.redirection);
            CHECK(outcome.status == 2);
            CHECK(outcome.out == "");
        }
}

TEST_CASE("where neither a result nor a complaint can be written, the status says it")
{
    const BrokenPipe pipe;
    for (const std::string &arguments : results())
        for (const Taker &taker : takers) {
            CAPTURE(arguments);
            CAPTURE(taker.redirection);
            CHECK(run_with(arguments, taker.redirection + " 2" + taker.redirection).status == 2);
        }
    CHECK(run_with("verify " + quote(SAMPLE), "<&- >&- 2>&-").status == 2);
}

TEST_CASE("nothing but results needs standard output, and nothing but complaints standard error")
{
    CHECK(run_with("verify " + quote(SAMPLE), "<&- 2>&-").status == 0);
    CHECK(run_with("dump /nonexistent", ">&-").error == "slicepatch: /nonexistent: No such file or directory\n");
}

TEST_CASE("what some file is wrong with is lost, but not that it is: the rest is listed")
{
    const Outcome outcome = run_with("dump /nonexistent " + quote(SAMPLE), "2>/dev/full");
    CHECK(outcome.status == 2);
    CHECK(outcome.out.ends_with("5 sites in 1 object: 5 compiled, 0 enabled, 0 off, 0 foreign\n"));
}

TEST_CASE("sim keeps its command's status, whatever becomes of its own words")
{
    const BrokenPipe pipe;
    for (const char *format : {"", "--json "})
        for (const Taker &taker : takers) {
            CAPTURE(taker.redirection);
            CHECK(run_with(std::string("sim ") + format + "-- sh -c 'exit 7'", "2" + taker.redirection).status == 7);
        }
}

TEST_CASE("a command of sim is ended by a broken pipe as elsewhere")
{
    CHECK(run_with("sim -- sh -c 'kill -PIPE $$; exit 7'", "").status == 128 + SIGPIPE);
}

TEST_CASE("a file does not get the number of a descriptor that was closed, and with it what is printed there")
{
    const TemporaryFolder folder;
    const std::string file = folder.path("statistics");
    CHECK(run_with("sim --json-file " + quote(file) + " -- /nonexistent", "<&- >&- 2>&-").status == 127);
    CHECK(nlohmann::json::parse(read_text(file)).is_object());
}

TEST_CASE("a long run says on a terminal how far it is, and takes it away again; elsewhere it says nothing")
{
    // As many flips as take some seconds here: more, where the first run was kept from the CPU.
    const auto first = nlohmann::json::parse(slicepatch_tool({"selftest", "--flips", "100000", "--json"}).out);
    const double seconds = first["seconds"];
    auto count = static_cast<std::uint64_t>(100000 * std::max(1.0, 3 / seconds));
    std::string text = on_terminal({"selftest", "--flips", std::to_string(count)});
    for (int tries = 0; tries < 3 && text.empty(); ++tries)
        text = on_terminal({"selftest", "--flips", std::to_string(count *= 3)});
    const std::string flips = std::to_string(count);
    INFO(text);
    CHECK(text.find("selftest, ") != std::string::npos);
    CHECK(text.find(" of " + flips + " flips") != std::string::npos);
    REQUIRE(text.ends_with("\r"));
    const std::size_t last = text.rfind('\r', text.size() - 2);
    REQUIRE(last != std::string::npos);
    CHECK(text.find_first_not_of(' ', last + 1) == text.size() - 1);
    CHECK(text.find('\n') == std::string::npos);

    const Outcome outcome = slicepatch_tool({"selftest", "--flips", flips});
    CHECK(outcome.status == 0);
    CHECK(outcome.error == "");
}
