// SPDX-License-Identifier: MIT
//
// Runs the programs of programs/ under the simulator: each checks from the inside, and this from the outside.
#include <doctest/doctest.h>

#include "launch.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using slicepatch::SimKernel;
using slicepatch::SimOptions;
using slicepatch::SimRseqFlags;
using slicepatch::SimStatistics;

namespace {

struct Outcome {
    int exit_code;
    SimStatistics statistics;
};

SimOptions options_for(SimKernel kernel)
{
    SimOptions options;
    options.kernel = kernel;
    options.preload = SIM_PRELOAD;
    return options;
}

Outcome run(const SimOptions &options, std::vector<std::string> command)
{
    std::vector<char *> arguments;
    for (std::string &word : command)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    Outcome outcome = {};
    outcome.exit_code = sim_run(options, arguments.data(), outcome.statistics);
    return outcome;
}

std::string program(const std::string &name)
{
    return std::string(SIM_PROGRAMS) + "/sim-" + name;
}

// Switching it off needs nothing but that it is there.
bool machine_dispatches_system_calls()
{
    constexpr int set_system_call_user_dispatch = 59;
    return prctl(set_system_call_user_dispatch, 0, 0, 0, 0) == 0;
}

// A folder of this test that is gone afterwards.
class Folder {
public:
    Folder()
    {
        std::string name = std::filesystem::temp_directory_path() / "slicepatch-sim-XXXXXX";
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder()
    {
        std::filesystem::remove_all(path_);
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;

    std::string write_script(const std::string &name, const std::string &text) const
    {
        std::string file = path_ / name;
        std::ofstream(file) << text;
        REQUIRE(chmod(file.c_str(), 0755) == 0);
        return file;
    }
    std::string copy_program(const std::string &source, mode_t mode) const
    {
        std::string file = path_ / "copy";
        std::filesystem::copy_file(source, file, std::filesystem::copy_options::overwrite_existing);
        REQUIRE(chmod(file.c_str(), mode) == 0);
        return file;
    }
    std::string path() const
    {
        return path_;
    }

private:
    std::filesystem::path path_;
};

// What the program's own standard error is connected to.
enum class Error { closed, full, unread };

// The exit status of `slicepatch ARGUMENTS`; 128 + the signal that killed it.
int run_tool(Error error, std::vector<std::string> words)
{
    words.insert(words.begin(), SIM_TOOL);
    std::vector<char *> arguments;
    for (std::string &word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        close(ends[0]); // a pipe that nobody reads
        if (error == Error::closed)
            close(STDERR_FILENO);
        else
            dup2(error == Error::full ? full : ends[1], STDERR_FILENO);
        close(ends[1]);
        signal(SIGPIPE, SIG_DFL);
        execv(arguments[0], arguments.data());
        _exit(99);
    }
    close(ends[0]);
    close(ends[1]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// An environment variable for as long as this lives.
class Variable {
public:
    Variable(const char *name, const std::string &value) : name_(name)
    {
        REQUIRE(setenv(name, value.c_str(), 1) == 0);
    }
    ~Variable()
    {
        unsetenv(name_);
    }
    Variable(const Variable &) = delete;
    Variable &operator=(const Variable &) = delete;

private:
    const char *name_;
};

} // namespace

TEST_CASE("each kernel answers with its own errnos")
{
    CHECK(run(options_for(SimKernel::stock), {program("errnos"), "stock"}).exit_code == 0);
    CHECK(run(options_for(SimKernel::patched), {program("errnos"), "patched"}).exit_code == 0);
    CHECK(run(options_for(SimKernel::off), {program("errnos"), "off"}).exit_code == 0);
    CHECK(run(options_for(SimKernel::none), {program("errnos"), "none"}).exit_code == 0);
}

TEST_CASE("what a thread has registered decides with the process's state")
{
    Variable without_libc("GLIBC_TUNABLES", "glibc.pthread.rseq=0");
    CHECK(run(options_for(SimKernel::patched), {program("registrations")}).exit_code == 0);
}

TEST_CASE("sections of every kind of thread are granted and yielded")
{
    for (const char *way : {"main", "pthread", "std", "thrd", "masked"}) {
        CAPTURE(way);
        for (SimKernel kernel : {SimKernel::stock, SimKernel::patched}) {
            Outcome outcome = run(options_for(kernel), {program("grants"), way});
            CHECK(outcome.exit_code == 0);
            CHECK(outcome.statistics.grants >= 50);
            CHECK(outcome.statistics.yields >= 50);
            CHECK(outcome.statistics.ticks >= outcome.statistics.grants);
            CHECK(outcome.statistics.yields <= outcome.statistics.grants);
        }
    }
}

TEST_CASE("threads are counted")
{
    CHECK(run(options_for(SimKernel::stock), {program("exits"), "0"}).statistics.threads == 1);
    CHECK(run(options_for(SimKernel::stock), {program("grants"), "std"}).statistics.threads == 2);
    CHECK(run(options_for(SimKernel::stock), {program("grants"), "thrd"}).statistics.threads == 2);
}

TEST_CASE("a section that is too long expires")
{
    Outcome outcome = run(options_for(SimKernel::stock), {program("grants"), "long"});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.expired >= 1);
    CHECK(outcome.statistics.expired + outcome.statistics.revoked >= 5);
    CHECK(outcome.statistics.yields == 0);
}

TEST_CASE("a slice that lasts into the next interrupt is revoked")
{
    SimOptions options = options_for(SimKernel::stock);
    options.slice_us = 1000000;
    Outcome outcome = run(options, {program("grants"), "long"});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.revoked >= 1);
}

TEST_CASE("a thread that is not enabled is granted nothing")
{
    for (SimKernel kernel : {SimKernel::stock, SimKernel::patched}) {
        Outcome outcome = run(options_for(kernel), {program("grants"), "unset"});
        CHECK(outcome.exit_code == 0);
        CHECK(outcome.statistics.grants == 0);
        CHECK(outcome.statistics.ticks > 0);
    }
}

TEST_CASE("a forked child inherits the state and has its own interrupts")
{
    Outcome outcome = run(options_for(SimKernel::stock), {program("grants"), "fork"});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.yields >= 100);
    CHECK(outcome.statistics.threads == 3);
}

TEST_CASE("children of every kind have the state that their kernel gives them")
{
    Outcome outcome = run(options_for(SimKernel::stock), {program("descent")});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.yields >= 15);
}

TEST_CASE("threads give back what they took")
{
    Outcome outcome = run(options_for(SimKernel::stock), {program("churn")});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.threads == 4001);
}

TEST_CASE("threads may end behind their destructors, or without any")
{
    CHECK(run(options_for(SimKernel::stock), {program("ends")}).exit_code == 0);
    CHECK(run(options_for(SimKernel::patched), {program("ends"), "locked"}).exit_code == 0);
}

TEST_CASE("emulated calls in the middle of dlopen and dlclose")
{
    for (SimKernel kernel : {SimKernel::stock, SimKernel::patched})
        for (int round = 0; round < 5; round++)
            CHECK(run(options_for(kernel), {program("loads"), SIM_PLUGIN, "0.3"}).exit_code == 0);
}

TEST_CASE("a signal of the program's ends a call although an interrupt comes with it")
{
    CHECK(run(options_for(SimKernel::stock), {program("endable")}).exit_code == 0);
}

TEST_CASE("an interrupt that finds nothing to do makes no system call")
{
    Outcome outcome = run(options_for(SimKernel::stock), {program("sandboxed")});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.ticks > 0);
}

TEST_CASE("a locked process stays as it is on every thread")
{
    SimOptions options = options_for(SimKernel::patched);
    options.rseq_flags = SimRseqFlags::on;
    CHECK(run(options, {program("lock"), "enabled"}).exit_code == 0);
    CHECK(run(options, {program("lock"), "disabled"}).exit_code == 0);
    CHECK(run(options, {program("lock"), "busy"}).exit_code == 0);
}

TEST_CASE("flags are written by themselves for a program without restartable sequences")
{
    CHECK(run(options_for(SimKernel::patched), {program("lock"), "enabled"}).exit_code == 0);
}

TEST_CASE("flags are left alone on request")
{
    SimOptions options = options_for(SimKernel::patched);
    CHECK(run(options, {program("lock"), "unlocked"}).exit_code == 0);
    options.rseq_flags = SimRseqFlags::off;
    CHECK(run(options, {program("lock"), "unlocked"}).exit_code == 1); // which looks for them
}

TEST_CASE("a program with restartable sequences survives")
{
    CHECK(run(options_for(SimKernel::patched), {program("sequences"), "2"}).exit_code == 0);
}

TEST_CASE("sleeping calls are not interrupted")
{
    Outcome outcome = run(options_for(SimKernel::stock), {program("sleeps")});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.ticks > 0);
}

TEST_CASE("the reserved signals cannot be taken away")
{
    CHECK(run(options_for(SimKernel::stock), {program("signals")}).exit_code == 0);
}

TEST_CASE("the yield hook runs before the slice ends")
{
    CHECK(run(options_for(SimKernel::stock), {program("hooked")}).exit_code == 0);
}

TEST_CASE("the constructor of a library is simulated already")
{
    CHECK(run(options_for(SimKernel::stock), {program("early")}).exit_code == 0);
}

TEST_CASE("a program that wraps thread creation itself composes")
{
    CHECK(run(options_for(SimKernel::stock), {program("wrapped")}).exit_code == 0);
}

TEST_CASE("exec does not add a filter to the filter")
{
    const char *compare = "test \"$(grep Seccomp_filters /proc/self/status)\" = "
                          "\"$(while read -r line; do case $line in Seccomp_filters*) echo \"$line\"; esac; done "
                          "< /proc/$$/status)\"";
    CHECK(run(options_for(SimKernel::stock), {"sh", "-c", compare}).exit_code == 0);
}

TEST_CASE("another preloaded object is kept, in front")
{
    setenv("LD_PRELOAD", "libm.so.6", 1);
    Outcome outcome =
        run(options_for(SimKernel::stock),
            {"sh", "-c", "test \"$LD_PRELOAD\" = libm.so.6:" SIM_PRELOAD " && " + program("grants") + " main"});
    unsetenv("LD_PRELOAD");
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.yields >= 50);
}

TEST_CASE("system calls inside sections are found")
{
    SimOptions options = options_for(SimKernel::stock);
    CHECK(run(options, {program("strict")}).statistics.section_syscalls == 0);
    options.strict = true;
    if (!machine_dispatches_system_calls()) {
        MESSAGE("skipped 1 case: this kernel has no system call user dispatch (on arm64, Linux 7.3 has not)");
        CHECK(run(options, {program("strict")}).exit_code == 125);
        return;
    }
    Outcome outcome = run(options, {program("strict")});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.section_syscalls == 5);
    CHECK(outcome.statistics.yields >= 5);
}

TEST_CASE("a program that is started with every signal blocked is simulated")
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    Outcome outcome = run(options_for(SimKernel::stock), {program("grants"), "main"});
    sigprocmask(SIG_SETMASK, &before, nullptr);
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.yields >= 50);
}

TEST_CASE("the exit status is passed on")
{
    SimOptions options = options_for(SimKernel::stock);
    CHECK(run(options, {program("exits"), "0"}).exit_code == 0);
    CHECK(run(options, {program("exits"), "42"}).exit_code == 42);
    CHECK(run(options, {program("exits"), "kill", std::to_string(SIGTERM)}).exit_code == 128 + SIGTERM);
    CHECK(run(options, {program("exits"), "kill", std::to_string(SIGKILL)}).exit_code == 128 + SIGKILL);
}

TEST_CASE("the exit status is passed on where SIGCHLD is ignored, and stays so for the program")
{
    const char *ignored = "^SigIgn:.*1[0-9a-f]\\{4\\}$";
    signal(SIGCHLD, SIG_IGN);
    const int status = run(options_for(SimKernel::stock), {program("exits"), "42"}).exit_code;
    const int seen = run(options_for(SimKernel::stock), {"grep", "-q", ignored, "/proc/self/status"}).exit_code;
    signal(SIGCHLD, SIG_DFL);
    CHECK(status == 42);
    CHECK(seen == 0);
}

TEST_CASE("the exit status does not depend on standard error")
{
    Folder folder;
    const std::string denied = folder.copy_program(program("exits"), 0644);
    for (Error error : {Error::closed, Error::full, Error::unread}) {
        CAPTURE(static_cast<int>(error));
        CHECK(run_tool(error, {"sim", "--", program("exits"), "0"}) == 0);
        CHECK(run_tool(error, {"sim", "--", program("exits"), "42"}) == 42);
        CHECK(run_tool(error, {"sim", "--json", "--", program("exits"), "42"}) == 42);
        CHECK(run_tool(error, {"sim", "--json", "--", program("exits"), "0"}) == 125); // they were asked for
        CHECK(run_tool(error, {"sim", "--", program("exits"), "kill", "15"}) == 128 + SIGTERM);
    }
    CHECK(run_tool(Error::closed, {"sim", "--", "/nonexistent"}) == 127);
    CHECK(run_tool(Error::full, {"sim", "--", denied}) == 126);
    // Whoever finds it closed must not write into the file that comes next.
    const std::string figures = folder.path() + "/figures";
    CHECK(run_tool(Error::closed, {"sim", "--json-file", figures, "--", "sh", "-c", "echo words >&2; exit 3"}) == 3);
    std::ifstream file(figures);
    CHECK(file.get() == '{');
}

TEST_CASE("the program finds standard error closed if it was")
{
    CHECK(run_tool(Error::closed, {"sim", "--", "sh", "-c", "test ! -e /proc/self/fd/2"}) == 0);
}

TEST_CASE("paths that LD_PRELOAD cannot hold")
{
    Folder folder, temporary;
    Variable place("TMPDIR", temporary.path());
    SimOptions options = options_for(SimKernel::stock);
    for (const std::string name : {"with space", "with:colon", "with$LIB"}) {
        CAPTURE(name);
        const std::string inner = folder.path() + "/" + name;
        std::filesystem::create_directory(inner);
        options.preload = inner + "/object.so";
        std::filesystem::copy_file(SIM_PRELOAD, options.preload);
        CHECK(run(options, {program("grants"), "main"}).exit_code == 0);
        CHECK(std::filesystem::is_empty(temporary.path()));
    }
    // Nor may the folder for temporary files have such a name; there are others.
    Variable poor_place("TMPDIR", folder.path() + "/with space");
    CHECK(run(options, {program("grants"), "main"}).exit_code == 0);
}

TEST_CASE("the object is found from another folder")
{
    SimOptions options = options_for(SimKernel::stock);
    options.preload = std::filesystem::relative(SIM_PRELOAD);
    CHECK(run(options, {"sh", "-c", "cd / && " + program("grants") + " main"}).exit_code == 0);
}

TEST_CASE("signals of the launcher are the program's")
{
    SimOptions options = options_for(SimKernel::stock);
    CHECK(run(options, {"sh", "-c", "kill -TERM $PPID; exec sleep 30"}).exit_code == 128 + SIGTERM);
    CHECK(run(options, {"sh", "-c", "kill -HUP $PPID; exec sleep 30"}).exit_code == 128 + SIGHUP);
    CHECK(run(options, {"sh", "-c", "kill -INT $PPID; exit 5"}).exit_code == 5);
}

TEST_CASE("the figures survive a death by signal")
{
    Outcome outcome = run(options_for(SimKernel::stock), {program("grants"), "die"});
    CHECK(outcome.exit_code == 128 + SIGKILL);
    CHECK(outcome.statistics.grants >= 50);
    CHECK(outcome.statistics.yields >= 50);
}

TEST_CASE("what cannot be preloaded is refused")
{
    Folder folder;
    SimOptions options = options_for(SimKernel::stock);
    CHECK(run(options, {program("static"), "0"}).exit_code == 125);
    CHECK(run(options, {folder.write_script("static", "#! " + program("static") + " 0\n")}).exit_code == 125);
    CHECK(run(options, {folder.copy_program(program("exits"), 04755), "0"}).exit_code == 125);
    CHECK(run(options, {folder.copy_program(program("exits"), 02755), "0"}).exit_code == 125);
    std::string foreign = folder.copy_program(program("exits"), 0755);
    std::fstream(foreign, std::ios::in | std::ios::out | std::ios::binary).seekp(18).write("\x03\x00", 2); // i386
    CHECK(run(options, {foreign, "0"}).exit_code == 125);
}

TEST_CASE("a script of a dynamic shell is simulated with what it starts")
{
    Folder folder;
    std::string script = folder.write_script("script", "#!/bin/sh\n" + program("grants") + " main\nexit 9\n");
    Outcome outcome = run(options_for(SimKernel::stock), {script});
    CHECK(outcome.exit_code == 9);
    CHECK(outcome.statistics.yields >= 50);
}

TEST_CASE("a command is found as a shell finds it")
{
    Folder folder;
    SimOptions options = options_for(SimKernel::stock);
    CHECK(run(options, {"true"}).exit_code == 0);
    CHECK(run(options, {"false"}).exit_code == 1);
    CHECK(run(options, {"slicepatch-no-such-command"}).exit_code == 127);
    CHECK(run(options, {folder.path() + "/missing"}).exit_code == 127);
    CHECK(run(options, {folder.copy_program(program("exits"), 0644)}).exit_code == 126);
    CHECK(run(options, {}).exit_code == 125);
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
