// SPDX-License-Identifier: MIT
//
// How a command is found, started under the simulator, and what becomes of its status and its descriptors.
#include "simulation.h"
#include "tests/examples/command.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace slicepatch;
using namespace slicepatch::test;

namespace {

std::string write_script(const TemporaryFolder &folder, const std::string &name, const std::string &text)
{
    const std::string file = folder.write(name, text);
    REQUIRE(chmod(file.c_str(), 0755) == 0);
    return file;
}

std::string copy_program(const TemporaryFolder &folder, const std::string &source, mode_t mode)
{
    std::string file = folder.path("copy");
    std::filesystem::copy_file(source, file, std::filesystem::copy_options::overwrite_existing);
    REQUIRE(chmod(file.c_str(), mode) == 0);
    return file;
}

/// The exit status of `slicepatch WORDS`, with its own standard error as the redirection says.
int run_tool(const std::string &redirection, const std::vector<std::string> &words)
{
    std::string script = command(SIM_TOOL);
    for (const std::string &word : words)
        script += " " + quote(word);
    return run_shell(script + " " + redirection).status;
}

} // namespace

TEST_CASE("exec does not add a filter to the filter")
{
    const char *compare = "test \"$(grep Seccomp_filters /proc/self/status)\" = "
                          "\"$(while read -r line; do case $line in Seccomp_filters*) echo \"$line\"; esac; done "
                          "< /proc/$$/status)\"";
    CHECK(simulate(options_for(SimKernel::stock), {"sh", "-c", compare}).exit_code == 0);
}

TEST_CASE("another preloaded object is kept, in front")
{
    setenv("LD_PRELOAD", "libm.so.6", 1);
    const Simulated outcome =
        simulate(options_for(SimKernel::stock),
                 {"sh", "-c", "test \"$LD_PRELOAD\" = libm.so.6:" SIM_PRELOAD " && " + program("grants") + " main"});
    unsetenv("LD_PRELOAD");
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.yields >= 50);
}

TEST_CASE("a program that is started with every signal blocked is simulated")
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    const Simulated outcome = simulate(options_for(SimKernel::stock), {program("grants"), "main"});
    sigprocmask(SIG_SETMASK, &before, nullptr);
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.yields >= 50);
}

TEST_CASE("the exit status is passed on")
{
    SimOptions options = options_for(SimKernel::stock);
    CHECK(simulate(options, {program("exits"), "0"}).exit_code == 0);
    CHECK(simulate(options, {program("exits"), "42"}).exit_code == 42);
    CHECK(simulate(options, {program("exits"), "kill", std::to_string(SIGTERM)}).exit_code == 128 + SIGTERM);
    CHECK(simulate(options, {program("exits"), "kill", std::to_string(SIGKILL)}).exit_code == 128 + SIGKILL);
}

TEST_CASE("the exit status is passed on where SIGCHLD is ignored, and stays so for the program")
{
    const char *ignored = "^SigIgn:.*1[0-9a-f]\\{4\\}$";
    signal(SIGCHLD, SIG_IGN);
    const int status = simulate(options_for(SimKernel::stock), {program("exits"), "42"}).exit_code;
    const int seen = simulate(options_for(SimKernel::stock), {"grep", "-q", ignored, "/proc/self/status"}).exit_code;
    signal(SIGCHLD, SIG_DFL);
    CHECK(status == 42);
    CHECK(seen == 0);
}

TEST_CASE("the exit status does not depend on standard error")
{
    const TemporaryFolder folder;
    const std::string denied = copy_program(folder, program("exits"), 0644);
    const BrokenPipe pipe;
    for (const char *error : {"2>&-", "2>/dev/full", "2>&9"}) {
        CAPTURE(error);
        CHECK(run_tool(error, {"sim", "--", program("exits"), "0"}) == 0);
        CHECK(run_tool(error, {"sim", "--", program("exits"), "42"}) == 42);
        CHECK(run_tool(error, {"sim", "--json", "--", program("exits"), "42"}) == 42);
        CHECK(run_tool(error, {"sim", "--json", "--", program("exits"), "0"}) == 125); // they were asked for
        CHECK(run_tool(error, {"sim", "--", program("exits"), "kill", "15"}) == 128 + SIGTERM);
    }
    CHECK(run_tool("2>&-", {"sim", "--", "/nonexistent"}) == 127);
    CHECK(run_tool("2>/dev/full", {"sim", "--", denied}) == 126);
    // Whoever finds it closed must not write into the file that comes next.
    const std::string figures = folder.path("figures");
    CHECK(run_tool("2>&-", {"sim", "--json-file", figures, "--", "sh", "-c", "echo words >&2; exit 3"}) == 3);
    std::ifstream file(figures);
    CHECK(file.get() == '{');
}

TEST_CASE("the program finds standard error closed if it was")
{
    CHECK(run_tool("2>&-", {"sim", "--", "sh", "-c", "test ! -e /proc/self/fd/2"}) == 0);
}

TEST_CASE("paths that LD_PRELOAD cannot hold")
{
    const TemporaryFolder folder, temporary;
    Variable place("TMPDIR", temporary.path());
    SimOptions options = options_for(SimKernel::stock);
    for (const std::string name : {"with space", "with:colon", "with$LIB"}) {
        CAPTURE(name);
        const std::string inner = folder.path(name);
        std::filesystem::create_directory(inner);
        options.preload = inner + "/object.so";
        std::filesystem::copy_file(SIM_PRELOAD, options.preload);
        CHECK(simulate(options, {program("grants"), "main"}).exit_code == 0);
        CHECK(std::filesystem::is_empty(temporary.path()));
    }
    // Nor may the folder for temporary files have such a name; there are others.
    Variable poor_place("TMPDIR", folder.path("with space"));
    CHECK(simulate(options, {program("grants"), "main"}).exit_code == 0);
}

TEST_CASE("the object is found from another folder")
{
    SimOptions options = options_for(SimKernel::stock);
    options.preload = std::filesystem::relative(SIM_PRELOAD);
    CHECK(simulate(options, {"sh", "-c", "cd / && " + program("grants") + " main"}).exit_code == 0);
}

TEST_CASE("signals of the launcher are the program's")
{
    SimOptions options = options_for(SimKernel::stock);
    CHECK(simulate(options, {"sh", "-c", "kill -TERM $PPID; exec sleep 30"}).exit_code == 128 + SIGTERM);
    CHECK(simulate(options, {"sh", "-c", "kill -HUP $PPID; exec sleep 30"}).exit_code == 128 + SIGHUP);
    CHECK(simulate(options, {"sh", "-c", "kill -INT $PPID; exit 5"}).exit_code == 5);
}

TEST_CASE("the figures survive a death by signal")
{
    const Simulated outcome = simulate(options_for(SimKernel::stock), {program("grants"), "die"});
    CHECK(outcome.exit_code == 128 + SIGKILL);
    CHECK(outcome.statistics.grants >= 50);
    CHECK(outcome.statistics.yields >= 50);
}

TEST_CASE("what cannot be preloaded is refused")
{
    const TemporaryFolder folder;
    SimOptions options = options_for(SimKernel::stock);
    CHECK(simulate(options, {program("static"), "0"}).exit_code == 125);
    CHECK(simulate(options, {write_script(folder, "static", "#! " + program("static") + " 0\n")}).exit_code == 125);
    CHECK(simulate(options, {copy_program(folder, program("exits"), 04755), "0"}).exit_code == 125);
    CHECK(simulate(options, {copy_program(folder, program("exits"), 02755), "0"}).exit_code == 125);
    std::string foreign = copy_program(folder, program("exits"), 0755);
    std::fstream(foreign, std::ios::in | std::ios::out | std::ios::binary).seekp(18).write("\x03\x00", 2); // i386
    CHECK(simulate(options, {foreign, "0"}).exit_code == 125);
}

TEST_CASE("a script of a dynamic shell is simulated with what it starts")
{
    const TemporaryFolder folder;
    std::string script = write_script(folder, "script", "#!/bin/sh\n" + program("grants") + " main\nexit 9\n");
    const Simulated outcome = simulate(options_for(SimKernel::stock), {script});
    CHECK(outcome.exit_code == 9);
    CHECK(outcome.statistics.yields >= 50);
}

TEST_CASE("a command is found as a shell finds it")
{
    const TemporaryFolder folder;
    SimOptions options = options_for(SimKernel::stock);
    CHECK(simulate(options, {"true"}).exit_code == 0);
    CHECK(simulate(options, {"false"}).exit_code == 1);
    CHECK(simulate(options, {"slicepatch-no-such-command"}).exit_code == 127);
    CHECK(simulate(options, {folder.path("missing")}).exit_code == 127);
    CHECK(simulate(options, {copy_program(folder, program("exits"), 0644)}).exit_code == 126);
    CHECK(simulate(options, {}).exit_code == 125);
}

TEST_CASE("names of kernels")
{
    SimKernel kernel = SimKernel::stock;
    CHECK(slicepatch::sim_kernel_from_name("none", kernel));
    CHECK(kernel == SimKernel::none);
    CHECK_FALSE(slicepatch::sim_kernel_from_name("Stock", kernel));
    CHECK(kernel == SimKernel::none);
}

TEST_CASE("the notes name the signals for a debugger")
{
    std::string notes = slicepatch::sim_notes();
    CHECK(notes.find("handle SIGSYS SIG49 SIG50 nostop noprint pass") != std::string::npos);
    CHECK(notes.find("no_new_privs") != std::string::npos);
}
