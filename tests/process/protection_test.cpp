// SPDX-License-Identifier: MIT
//
// Systems that let a program do less: each writer where it is allowed, and sites that work as compiled where none is.
#include "outcome.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <unistd.h>

using namespace slicepatch::test;

namespace {

const std::string refused_text = "the system lets nobody write to the program's text";

const std::string unread_text = "the protection of the program's text cannot be read, so that nobody could put it back";

const std::string live_refused_text =
    "threads are running or cannot be counted, and the system refuses text that is writable and executable";

const std::string not_proven_text = "threads are running or cannot be counted, and this CPU is not known to tolerate "
                                    "rewriting under them (SLICEPATCH_LIVE=1)";

Outcome patch_under(const std::vector<std::string> &obstacles, const std::vector<std::string> &environment = {})
{
    std::vector<std::string> verbs = obstacles;
    verbs.insert(verbs.begin(), "kernel=none");
    verbs.insert(verbs.end(), {"run=100", "init", "run=100", "check", "states", "mapping"});
    return run_subject(verbs, environment);
}

void check_patched(const Outcome &outcome, const std::string &writer)
{
    needs_whole_system("no process is single-threaded, so that the live writer writes");
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("writer") == writer);
    CHECK(outcome.value("off") == all_sites);
    CHECK(outcome.value("failure") == "");
    CHECK(outcome.value("counted") == "yes");
}

/// Whether this CPU has branch target identification (HWCAP2_BTI).
bool text_may_be_guarded()
{
#if defined(__aarch64__)
    return getauxval(AT_HWCAP2) & (1UL << 17);
#else
    return false;
#endif
}

/// Every site as compiled and working, and the reason.
void check_left(const Outcome &outcome, const std::string &reason)
{
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("errno") == "kept");
    CHECK(outcome.value("writer") == "none");
    CHECK(outcome.value("compiled") == all_sites);
    CHECK(outcome.value("failure").ends_with(reason));
    CHECK(outcome.value("counted") == "yes");
    for (const SeenSite &site : outcome.sites)
        CHECK(site.state == "compiled");
}

} // namespace

TEST_CASE("text stays read-only, executable and the file's when it was written through /proc/self/mem")
{
    const Outcome outcome = patch_under({});
    check_patched(outcome, "procmem");
    CHECK(outcome.value("text") == "r-xp file");
}

TEST_CASE("text is read-only and executable again when it was written through a writable mapping")
{
    const Outcome outcome = patch_under({}, {"SLICEPATCH_WRITER=rwx"});
    check_patched(outcome, "rwx");
    CHECK(outcome.value("text") == "r-xp file");
}

namespace {

/// A path in which most lines of /proc/self/maps, cut anywhere, go on as those of another mapping.
std::filesystem::path make_hostile_folder(const std::filesystem::path &above)
{
    const std::string folder = std::string(220, ' ') + "0-ffffffffffffffff rwxp";
    std::filesystem::path path = above;
    while (path.native().size() + folder.size() < 3800)
        path /= folder;
    std::filesystem::create_directories(path);
    return path;
}

} // namespace

TEST_CASE("what folders are called is no mapping, wherever it stands")
{
    const TemporaryFolder above;
    const std::filesystem::path program = make_hostile_folder(above.path()) / "subject";
    std::filesystem::copy_file(SUBJECT, program);
    const Outcome outcome = run({.program = program,
                                 .arguments = {"kernel=none", "init", "run=100", "check", "states", "mapping"},
                                 .environment = {"SLICEPATCH_WRITER=rwx"}});
    check_patched(outcome, "rwx");
    CHECK(outcome.value("text") == "r-xp file");
}

TEST_CASE("where one call that takes permissions away is denied, text is read-only again by another")
{
    const Outcome outcome = patch_under({"deny=r-x"}, {"SLICEPATCH_WRITER=rwx"});
    if (skipped(outcome, "a filter of one call"))
        return;
    check_patched(outcome, "rwx");
    CHECK(outcome.value("text") == "r-xp file");
}

TEST_CASE("that the system refuses to make text read-only again is reported")
{
    const std::string lost_text = "the system refuses to make the program's text read-only again";
    for (const char *thread : {"run=1", "threads=1"}) {
        const Outcome outcome = run_subject(
            {"kernel=none", thread, "deny=r-x-by-any", "init", "join", "run=100", "check", "states", "mapping"},
            {"SLICEPATCH_WRITER=rwx", "SLICEPATCH_LIVE=1"});
        CAPTURE(outcome.out);
        if (skipped(outcome, "a filter"))
            return;
        CHECK(outcome.status == 0);
        CHECK(outcome.value("answer") == "0");
        CHECK(outcome.value("off") == all_sites);
        CHECK(outcome.value("text") == "rwxp file"); // nobody can help it
        CHECK(outcome.value("failure").ends_with(lost_text));
        CHECK(outcome.value("foreign") == "0");
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("where no file can be opened, text is as its program headers say when it was written through its mapping")
{
    const Outcome outcome = run_subject(
        {"kernel=none", "descriptors=3", "init", "descriptors=20", "run=100", "check", "states", "mapping"});
    if (text_may_be_guarded()) // which no program header tells
        check_left(outcome, unread_text);
    else
        check_patched(outcome, "rwx");
    CHECK(outcome.value("text") == "r-xp file");
}

#if defined(__aarch64__) // Linux on x86-64 guards no text of programs
TEST_CASE("text that is guarded stays so when it is written through a writable mapping")
{
    needs_whole_system("smaps is that of the emulator");
    const std::vector<std::string> environment = {"SLICEPATCH_WRITER=rwx"};
    const Outcome before = run_subject({"guarded", "guard", "guarded", "guarded"});
    if (skipped(before, "PROT_BTI"))
        return;
    CHECK(before.out.find("guarded=no\nguarded=yes\n") != std::string::npos);
    const Outcome outcome =
        run_subject({"kernel=none", "guard", "init", "run=100", "check", "mapping", "guarded"}, environment);
    check_patched(outcome, "rwx");
    CHECK(outcome.value("guarded") == "yes");
    CHECK(outcome.value("text") == "r-xp file");
}
#endif

TEST_CASE("a process that refuses new executable memory is patched")
{
    const Outcome outcome = patch_under({"mdwe"});
    if (!skipped(outcome, "PR_SET_MDWE"))
        check_patched(outcome, "procmem");
}

TEST_CASE("a process that refuses new executable memory works as compiled when it is told to use it")
{
    const Outcome outcome = patch_under({"mdwe"}, {"SLICEPATCH_WRITER=rwx"});
    if (skipped(outcome, "PR_SET_MDWE"))
        return;
    check_left(outcome, refused_text);
    CHECK(outcome.value("text") == "r-xp file");
}

TEST_CASE("text that other processes share works as compiled: they need not have this one's guarantee")
{
    for (const char *kernel : {"kernel=none", "kernel=stock"})
        for (const char *protection : {"share=r-x", "share=rwx"})
            for (const char *writer : {"auto", "procmem", "rwx"}) {
                const Outcome outcome =
                    run_subject({kernel, "yield=ok", protection, "init", "run=100", "check", "states", "mapping"},
                                {std::string("SLICEPATCH_WRITER=") + writer});
                if (skipped(outcome, "shared text"))
                    return;
                CAPTURE(kernel);
                CAPTURE(protection);
                CAPTURE(writer);
                check_left(outcome, "its memory is shared with other processes (MAP_SHARED), which need not have the "
                                    "same guarantee");
                CHECK(outcome.value("text").starts_with(protection + std::string("share=").size()));
            }
}

TEST_CASE("sealed text is patched")
{
    const Outcome outcome = patch_under({"seal"});
    if (!skipped(outcome, "mseal"))
        check_patched(outcome, "procmem");
}

TEST_CASE("sealed text works as compiled when it is to be made writable")
{
    const Outcome outcome = patch_under({"seal"}, {"SLICEPATCH_WRITER=rwx"});
    if (skipped(outcome, "mseal"))
        return;
    check_left(outcome, refused_text);
    CHECK(outcome.value("text") == "r-xp file");
}

TEST_CASE("a system that denies writable and executable memory is no obstacle to a single thread")
{
    check_patched(patch_under({"deny=rwx"}), "procmem");
}

TEST_CASE("a system that denies /proc/self/mem is no obstacle where memory may be writable and executable")
{
    check_patched(patch_under({"deny=procmem"}), "rwx");
    check_left(patch_under({"deny=procmem"}, {"SLICEPATCH_WRITER=procmem"}), refused_text);
}

TEST_CASE("a system that denies both leaves every site as compiled, with the reason")
{
    check_left(patch_under({"deny=procmem", "deny=rwx"}), refused_text);
}

TEST_CASE("a process that nobody may look into is patched through a writable mapping")
{
    const Outcome outcome = patch_under({"undumpable"});
    if (skipped(outcome, "PR_SET_DUMPABLE"))
        return;
    CHECK(outcome.value("procmem_opens") == "no");
    check_patched(outcome, "rwx");
}

TEST_CASE("running threads and a system that denies writable and executable memory leave every site as compiled")
{
    const Outcome outcome =
        run_subject({"kernel=none", "deny=rwx", "threads=2", "init", "join", "check", "states"}, {"SLICEPATCH_LIVE=1"});
    check_left(outcome, live_refused_text);
}

TEST_CASE("running threads are patched under where membarrier is denied only if the architecture needs none")
{
    const Outcome outcome = run_subject(
        {"kernel=none", "deny=membarrier", "threads=2", "init", "join", "check", "states"}, {"SLICEPATCH_LIVE=1"});
#if defined(__aarch64__)
    check_left(outcome, "the kernel does not make them refetch instructions (membarrier SYNC_CORE)");
#else
    check_patched(outcome, "live");
#endif
}

TEST_CASE("running threads under PR_SET_MDWE leave every site as compiled")
{
    const Outcome outcome =
        run_subject({"kernel=none", "mdwe", "threads=2", "init", "join", "check", "states"}, {"SLICEPATCH_LIVE=1"});
    if (!skipped(outcome, "PR_SET_MDWE"))
        check_left(outcome, live_refused_text);
}

namespace {

/// Takes /proc away from this process and what it starts.
bool hide_proc()
{
    return unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("none", "/proc", "tmpfs", MS_RDONLY, nullptr) == 0;
}

Outcome run_without_proc(const char *program, const std::vector<std::string> &environment)
{
    return run({.program = program,
                .arguments = {"kernel=none", "run=100", "init", "run=100", "check", "states"},
                .environment = environment,
                .before_exec = hide_proc});
}

} // namespace

#if defined(__x86_64__)
TEST_CASE("a CPU that may not be asked who made it is not known to tolerate rewriting under threads")
{
    const Outcome outcome = run_subject({"kernel=none", "deny=cpuid", "threads=2", "init", "join", "check", "states"});
    check_left(outcome, not_proven_text);
}
#endif

TEST_CASE("without /proc a program is patched as one is whose threads run, and its CPU is as well known")
{
    needs_whole_system("no process is single-threaded");
    const Outcome threaded = run_subject({"kernel=none", "threads=2", "init", "join", "check", "states"});
    for (const char *program : {SUBJECT, SUBJECT_STATIC}) {
        const Outcome outcome = run_without_proc(program, {});
        CAPTURE(outcome.out);
        if (skipped(outcome, "a process without /proc"))
            return;
        if (text_may_be_guarded()) // which nothing but /proc tells
            check_left(outcome, unread_text);
        else if (threaded.value("writer") == "live")
            check_patched(outcome, "live");
        else
            check_left(outcome, not_proven_text);
    }
}

TEST_CASE("without /proc a program that says that its CPU tolerates it is patched")
{
    for (const char *program : {SUBJECT, SUBJECT_STATIC}) {
        const Outcome outcome = run_without_proc(program, {"SLICEPATCH_LIVE=1"});
        if (skipped(outcome, "a process without /proc"))
            return;
        if (text_may_be_guarded())
            check_left(outcome, unread_text);
        else
            check_patched(outcome, "live");
    }
}
