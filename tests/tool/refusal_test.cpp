// SPDX-License-Identifier: MIT
//
// Processes that cannot be read, or hardly: each gets the words that say who could read it.
#include "sample.h"

#include "tests/skip.h"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

using namespace slicepatch::test;

namespace {

const std::string as_nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups ";

bool is_root()
{
    if (geteuid() == 0 && run_shell(as_nobody + "true").status == 0)
        return true;
    skip("not root, or no setpriv(1): nobody else to be");
    return false;
}

bool has_mount_namespaces()
{
    if (run_shell("unshare -m mount -t proc proc /proc").status == 0)
        return true;
    skip("no mount namespace, or no /proc to mount there");
    return false;
}

/// A copy of a program for everybody: its own folders may be closed to others.
class Copy {
public:
    explicit Copy(const std::string &program) : path_(folder_.path("program"))
    {
        using std::filesystem::perms;
        std::filesystem::permissions(folder_.path("."), perms::others_all, std::filesystem::perm_options::add);
        std::filesystem::copy(program, path_);
    }
    [[nodiscard]] const std::string &path() const
    {
        return path_;
    }

private:
    TemporaryFolder folder_;
    std::string path_;
};

std::string of(pid_t pid, const std::string &words)
{
    return "slicepatch: process " + std::to_string(pid) + ": " + words + "\n";
}

void expect(const Outcome &outcome, const std::string &error)
{
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    CHECK(outcome.error == error);
}

const std::string hidden =
    "hidden: /proc is mounted with hidepid, so that only its own user, root and the group of the "
    "option gid= see it";

} // namespace

TEST_CASE("a process of another user says whose it is")
{
    if (!is_root())
        return;
    const Copy tool(SLICEPATCH);
    const RunningSample program({SAMPLE_ODD, "plain"});
    for (const char *subcommand : {"dump", "verify", "why"})
        expect(
            run_shell(as_nobody + tool.path() + " " + subcommand + " --pid " + std::to_string(program.pid())),
            of(program.pid(), "not ours: it belongs to user 0, and its memory may be read by that user and by root"));
}

TEST_CASE("a process of our own that does not want to be looked at says who may")
{
    if (!is_root())
        return;
    const Copy tool(SLICEPATCH), odd(SAMPLE_ODD);
    const RunningSample program(
        {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", odd.path(), "undumpable"});
    const Outcome outcome = run_shell(as_nobody + tool.path() + " dump --pid " + std::to_string(program.pid()));
    CHECK(outcome.status == 2);
    CHECK(outcome.error.starts_with("slicepatch: process " + std::to_string(program.pid()) +
                                    ": its memory may be read by root only"));
    CHECK(slicepatch_tool({"dump", "--pid", std::to_string(program.pid())}).status == 0);
}

TEST_CASE("root that is refused is told why, and not to become root")
{
    if (!is_root())
        return;
    const Copy odd(SAMPLE_ODD);
    const RunningSample program({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", odd.path(), "plain"});
    const Outcome outcome = run_shell("setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace " + quote(SLICEPATCH) +
                                      " dump --pid " + std::to_string(program.pid()));
    CHECK(outcome.status == 2);
    CHECK(outcome.error.starts_with("slicepatch: process " + std::to_string(program.pid()) +
                                    ": root is refused its memory here: a container without CAP_SYS_PTRACE"));
}

TEST_CASE("a process that hidepid hides is not said to have gone")
{
    if (!is_root() || !has_mount_namespaces())
        return;
    const Copy tool(SLICEPATCH);
    const RunningSample program({SAMPLE_ODD, "plain"});
    for (const char *mode : {"1", "2", "4"}) {
        CAPTURE(mode);
        const auto look = [&](pid_t pid) {
            return run_shell("exec unshare -m sh -c 'mount -t proc -o hidepid=" + std::string(mode) +
                             " proc /proc && exec " + as_nobody + tool.path() + " verify --pid " + std::to_string(pid) +
                             "'");
        };
        expect(look(program.pid()), of(program.pid(), hidden));
        expect(look(4194303), of(4194303, "no such process"));
    }
}

TEST_CASE("a kernel thread says that it is one")
{
    std::string name;
    if (std::filesystem::exists("/proc/2/comm"))
        name = read_text("/proc/2/comm");
    if (name != "kthreadd\n")
        return skip("no kernel threads in this PID namespace");
    for (const char *subcommand : {"dump", "verify", "why"})
        expect(slicepatch_tool({subcommand, "--pid", "2"}), of(2, "a kernel thread, which has no memory of its own"));
}

TEST_CASE("a process whose main thread has ended is read all the same")
{
    const RunningSample program({SAMPLE_ODD, "mainless"});
    while (read_text("/proc/" + std::to_string(program.pid()) + "/stat").find(") Z ") == std::string::npos)
        usleep(1000);
    const nlohmann::json sites = slicepatch_json({"dump", "--pid", std::to_string(program.pid())})["sites"];
    REQUIRE(sites.size() == sample_sites);
    for (const nlohmann::json &site : sites)
        CHECK(site["state"] == "compiled");
}

TEST_CASE("a 32-bit process says that it is one")
{
    const TemporaryFolder folder;
    const std::string source =
        folder.write("wait.c", "void _start(void) { for (;;) __asm__ volatile(\"int $0x80\" : : \"a\"(29)); }\n");
    if (run_shell("gcc -m32 -O2 -static -nostdlib -fno-pic -no-pie " + quote(source) + " -o " +
                  quote(folder.path("wait")))
            .status != 0)
        return skip("no 32-bit programs can be compiled here");
    Running program({.program = folder.path("wait"), .emulated = false});
    const pid_t child = program.pid();
    usleep(100000);
    const Outcome outcome = slicepatch_tool({"verify", "--pid", std::to_string(child)});
    kill(child, SIGKILL);
    if (program.end() != 128 + SIGKILL)
        return skip("this kernel runs no 32-bit programs");
    expect(outcome, of(child, "a 32-bit process: sites exist in 64-bit programs only"));
}

TEST_CASE("where /proc is of another PID namespace, what a number means is said")
{
    if (run_shell("unshare -pf true").status != 0)
        return skip("no PID namespace");
    const RunningSample program({SAMPLE_ODD, "plain"});
    const std::string pid = std::to_string(program.pid());
    const auto look = [](const std::string &number) {
        return run_shell("unshare -pf " + quote(SLICEPATCH) + " dump --pid " + number);
    };
    const Outcome outcome = look(pid);
    CHECK(outcome.status == 0);
    CHECK(outcome.error == of(program.pid(), "by the numbers of /proc, which shows another PID namespace than ours"));
    expect(look("4194303"), of(4194303, "no such process in /proc, which shows another PID namespace than ours"));
}

TEST_CASE("a process of another PID and mount namespace is read, with the names of files that only it sees")
{
    if (!is_root() || !has_mount_namespaces() || run_shell("unshare -pf true").status != 0)
        return;
    const TemporaryFolder folder;
    const std::string inside = folder.path("inside");
    std::filesystem::create_directory(inside);
    // It says its number in its own namespace, which is 1; outside it is the only child of the one that made it.
    const RunningSample program({"unshare", "-m", "-pf", "sh", "-c",
                                 "mount -t tmpfs none " + inside + " && cp " + quote(SAMPLE_ODD) + " " + inside +
                                     "/odd && exec " + inside + "/odd plain"});
    const std::string outside = run_shell("pgrep -f '^" + inside + "/odd plain'").out;
    REQUIRE(outside != "");
    const nlohmann::json sites =
        slicepatch_json({"dump", "--pid", std::to_string(std::atoi(outside.c_str()))})["sites"];
    REQUIRE(sites.size() == sample_sites);
    for (const nlohmann::json &site : sites)
        CHECK(site["function"] != "");
}

TEST_CASE("a program in a folder with a line feed in its name is one object, and has names")
{
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder.path("a\n00400000-00500000 rwxp 00000000 08:01 1 b"));
    const std::string path = folder.path("a\n00400000-00500000 rwxp 00000000 08:01 1 b/odd");
    std::filesystem::copy(SAMPLE_ODD, path);
    const RunningSample program({path, "plain"});
    const std::string pid = std::to_string(program.pid());
    const Outcome outcome = slicepatch_tool({"verify", "--pid", pid});
    CHECK(outcome.status == 0);
    CHECK(outcome.out == "5 sites in 1 object: 5 compiled, 0 enabled, 0 off, 0 foreign; all is well\n");
    const nlohmann::json sites = slicepatch_json({"dump", "--pid", pid})["sites"];
    REQUIRE(sites.size() == sample_sites);
    for (const nlohmann::json &site : sites)
        CHECK(site["function"] != "");
}

TEST_CASE("a name of any length in maps is no mapping")
{
    if (!is_root())
        return;
    // A folder for each 200 bytes; what would be another line if lines were cut is at the columns where one might cut.
    const TemporaryFolder folder;
    std::string path = folder.path("");
    for (int i = 0; i < 12; ++i) {
        path += std::string(190, 'x') + " 00400000-00500000 rwxp 00000000 08:01 1 /";
        std::filesystem::create_directory(path);
    }
    path += "odd";
    std::filesystem::copy(SAMPLE_ODD, path);
    const RunningSample program({path, "plain"});
    const Outcome outcome = slicepatch_tool({"verify", "--pid", std::to_string(program.pid())});
    CHECK(outcome.status == 0);
    CHECK(outcome.out == "5 sites in 1 object: 5 compiled, 0 enabled, 0 off, 0 foreign; all is well\n");
}

TEST_CASE("a line of a kernel's configuration is a whole one")
{
    if (!is_root() || !has_mount_namespaces())
        return;
    const TemporaryFolder folder;
    const std::string config =
        folder.write("config", "CONFIG_CMDLINE=\"" + std::string(511 - 16, 'x') +
                                   "CONFIG_RSEQ_SLICE_EXTENSION=y\n\"\nCONFIG_RSEQ_SLICE_EXTENSION_OLD=y\n"
                                   "# CONFIG_RSEQ_SLICE_EXTENSION is not set\n");
    const Outcome outcome = run_shell("exec unshare -m sh -c 'mount -t tmpfs none /boot && cp " + config +
                                      " /boot/config-$(uname -r) && "
                                      "{ [ ! -e /proc/config.gz ] || mount --bind " +
                                      config + " /proc/config.gz; } && exec " + quote(SLICEPATCH) + " why'");
    CHECK(outcome.status == 0);
    CHECK(outcome.out.find(": # CONFIG_RSEQ_SLICE_EXTENSION is not set\n") != std::string::npos);
}
