// SPDX-License-Identifier: MIT
#include "launch.h"

#include "command.h"
#include "preload_name.h"
#include "protocol.h"
#include "reserved.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <new>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slicepatch {

namespace {

using sim::SharedCounters;

volatile sig_atomic_t running_child = 0;

void pass_on(int signal)
{
    if (running_child > 0)
        kill(running_child, signal);
}

// While the program runs, signals of the terminal are its own business; restored at the end. Ended children must be
// waited for, also where our parent ignores SIGCHLD. All signals are blocked until deliver() knows which process they
// go.
class SignalsWhileWaiting {
public:
    SignalsWhileWaiting()
    {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &mask_);
        for (size_t i = 0; i < count; i++) {
            struct sigaction action = {};
            action.sa_handler = handler_of(signals[i]);
            sigaction(signals[i], &action, &saved_[i]);
            // What nohup(1) ignores stays ignored.
            if (signals[i] != SIGCHLD && saved_[i].sa_handler == SIG_IGN)
                sigaction(signals[i], &saved_[i], nullptr);
        }
    }
    ~SignalsWhileWaiting()
    {
        running_child = 0;
        restore();
    }
    SignalsWhileWaiting(const SignalsWhileWaiting &) = delete;
    SignalsWhileWaiting &operator=(const SignalsWhileWaiting &) = delete;

    void deliver(pid_t child) const
    {
        running_child = child;
        sigprocmask(SIG_SETMASK, &mask_, nullptr);
    }
    void restore() const
    {
        for (size_t i = 0; i < count; i++)
            sigaction(signals[i], &saved_[i], nullptr);
        sigprocmask(SIG_SETMASK, &mask_, nullptr);
    }

private:
    // Standard error may be a pipe that nobody reads any more, when there is something to say at the end.
    static constexpr int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE};
    static constexpr size_t count = sizeof signals / sizeof signals[0];
    static void (*handler_of(int signal))(int)
    {
        if (signal == SIGCHLD)
            return SIG_DFL;
        return signal == SIGTERM || signal == SIGHUP ? pass_on : SIG_IGN;
    }
    struct sigaction saved_[count] = {};
    sigset_t mask_ = {};
};

// The page of counters, and a name for it that the children can open without inheriting a descriptor.
class CounterPage {
public:
    CounterPage() : file_(memfd_create("slicepatch-sim", MFD_CLOEXEC))
    {
        if (file_ < 0 || ftruncate(file_, sizeof(SharedCounters)) != 0)
            return;
        void *page = mmap(nullptr, sizeof(SharedCounters), PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
        if (page != MAP_FAILED)
            counters_ = static_cast<SharedCounters *>(page);
    }
    ~CounterPage()
    {
        if (counters_ != nullptr)
            munmap(counters_, sizeof(SharedCounters));
        if (file_ >= 0)
            close(file_);
    }
    CounterPage(const CounterPage &) = delete;
    CounterPage &operator=(const CounterPage &) = delete;

    const SharedCounters *counters() const
    {
        return counters_;
    }
    std::string path() const
    {
        return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file_);
    }

private:
    int file_;
    SharedCounters *counters_ = nullptr;
};

SimStatistics read_counters(const SharedCounters &counters)
{
    return {.grants = counters.grants,
            .yields = counters.yields,
            .expired = counters.expired,
            .revoked = counters.revoked,
            .ticks = counters.ticks,
            .threads = counters.threads,
            .section_syscalls = counters.section_syscalls};
}

int refuse(int exit_code, const std::string &message)
{
    fprintf(stderr, "slicepatch sim: %s\n", message.c_str());
    return exit_code;
}

constexpr const char *kernel_names[] = {"stock", "patched", "off", "none"};
constexpr const char *flags_names[] = {"auto", "on", "off"};

void set_variable(const char *name, const std::string &value)
{
    if (setenv(name, value.c_str(), 1) != 0)
        _exit(sim::exit_failure);
}

// Only in the child, right before exec. What was preloaded already comes first, as it expects.
void set_environment(const SimOptions &options, const std::string &preload, const std::string &counters)
{
    const char *before = getenv("LD_PRELOAD");
    set_variable("LD_PRELOAD", before != nullptr && *before != '\0' ? before + (":" + preload) : preload);
    set_variable(sim::kernel_variable, kernel_names[static_cast<int>(options.kernel)]);
    set_variable(sim::tick_variable, std::to_string(options.tick_us));
    set_variable(sim::slice_variable, std::to_string(options.slice_us));
    set_variable(sim::flags_variable, flags_names[static_cast<int>(options.rseq_flags)]);
    set_variable(sim::strict_variable, options.strict ? "1" : "0");
    set_variable(sim::counters_variable, counters);
}

int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return refuse(sim::exit_failure, "waiting for the program failed");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

[[noreturn]] void execute(char **argv)
{
    execvp(argv[0], argv);
    const int error = errno; // before standard error fails, too
    fprintf(stderr, "slicepatch sim: %s: %s\n", argv[0], strerror(error));
    fflush(stderr);
    _exit(error == ENOENT ? sim::exit_not_found : sim::exit_not_executable);
}

int start_and_wait(const SimOptions &options, const std::string &preload, char **argv, const CounterPage &page)
{
    std::string counters = page.path(); // of this process, not of the child
    fflush(nullptr);
    SignalsWhileWaiting signals;
    pid_t child = fork();
    if (child < 0)
        return refuse(sim::exit_failure, std::string("fork failed: ") + strerror(errno));
    if (child == 0) {
        set_environment(options, preload, counters);
        signals.restore();
        execute(argv);
    }
    signals.deliver(child);
    int exit_code = wait_for(child);
    if (page.counters()->threads == 0 && exit_code < sim::exit_failure)
        refuse(exit_code, "warning: the program ended without having been simulated; was LD_PRELOAD refused?");
    return exit_code;
}

std::string check_options(const SimOptions &options, const std::string &preload)
{
    if (preload.empty() || access(preload.c_str(), R_OK) != 0)
        return "libslicepatch-sim.so was not found beside the tool";
    if (options.tick_us == 0 || options.slice_us == 0 || options.tick_us > 1000000000 || options.slice_us > 1000000000)
        return "a time of 0, or of more than 1000 seconds, cannot be simulated";
    return {};
}

} // namespace

bool sim_kernel_from_name(const std::string &name, SimKernel &kernel)
{
    for (SimKernel candidate : {SimKernel::stock, SimKernel::patched, SimKernel::off, SimKernel::none}) {
        if (name == kernel_names[static_cast<int>(candidate)]) {
            kernel = candidate;
            return true;
        }
    }
    return false;
}

std::string sim_find_preload()
{
    char tool[4096];
    ssize_t length = readlink("/proc/self/exe", tool, sizeof tool);
    if (length <= 0 || static_cast<size_t>(length) == sizeof tool)
        return {};
    std::string folder(tool, static_cast<size_t>(length));
    folder.resize(folder.rfind('/'));
    for (const char *place : {"/../lib/", SLICEPATCH_SIM_FROM_TOOL, "/"}) {
        std::string candidate = folder + place + "libslicepatch-sim.so";
        if (access(candidate.c_str(), R_OK) == 0)
            return candidate;
    }
    return {};
}

int sim_run(const SimOptions &options, char **argv, SimStatistics &statistics)
{
    statistics = {};
    if (argv == nullptr || argv[0] == nullptr)
        return refuse(sim::exit_failure, "no command was given");
    std::string preload = options.preload.empty() ? sim_find_preload() : options.preload;
    std::string obstacle = check_options(options, preload);
    if (!obstacle.empty())
        return refuse(sim::exit_failure, obstacle);
    sim::CommandCheck command = sim::check_command(argv[0]);
    if (command.exit_code != 0)
        return refuse(command.exit_code, command.message);
    CounterPage page;
    if (page.counters() == nullptr)
        return refuse(sim::exit_failure, std::string("no memory for the counters: ") + strerror(errno));
    sim::PreloadName preload_name(preload);
    if (preload_name.name().empty())
        return refuse(sim::exit_failure, "LD_PRELOAD cannot hold " + preload +
                                             ", and no folder for temporary files can "
                                             "be written, where it would get another name");
    int exit_code = start_and_wait(options, preload_name.name(), argv, page);
    statistics = read_counters(*page.counters());
    return exit_code;
}

std::string sim_notes()
{
    std::string expiry = std::to_string(sim::expiry_signal);
    std::string tick = std::to_string(sim::tick_signal);
    return "The program runs with no_new_privs: neither it nor what it starts can gain privileges (sudo, ping).\n"
           "SIGSYS and the signals " +
           expiry + " and " + tick +
           " are the simulator's; the program is told that it can block and handle them, and\n"
           "gets those that it sends, but not by sigwait or signalfd.\n" +
           "In gdb: handle SIGSYS SIG" + expiry + " SIG" + tick +
           " nostop noprint pass\n"
           "It must be dynamically linked with glibc. A static program that it starts, or one that it starts without\n"
           "LD_PRELOAD, is killed by SIGSYS at its first prctl(79).\n"
           "Interrupts come after CPU time, not finer than the machine's own tick, and to threads made by\n"
           "pthread_create, thrd_create or std::thread, or that have called prctl(79).\n"
           "Seccomp filters of the program, a seal's too, do not see the calls that are simulated. Where the simulator's\n"
           "path has a space, what outlives the command cannot start programs.\n"
           "A system call inside a granted slice does not end it, and may return EINTR; --strict finds those.\n"
           "rseq->flags stay 0 if an object may use restartable sequences that is loaded when the process or a thread\n"
           "starts, unless they are asked for.\n"
           "gcc's AddressSanitizer needs ASAN_OPTIONS=verify_asan_link_order=0 beside any preloaded object.\n";
}

} // namespace slicepatch
