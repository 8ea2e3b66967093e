// SPDX-License-Identifier: MIT
#include "commands.h"
#include "counted.h"
#include "error.h"
#include "live_view.h"
#include "output.h"
#include "screen.h"
#include "top_table.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

namespace slicepatch::tool {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t interrupted = 0;

/// SIGINT ends the looking, and not this program: there is a summary to come.
class Interruptible {
public:
    Interruptible()
    {
        interrupted = 0;
        struct sigaction action = {};
        action.sa_handler = [](int) { interrupted = 1; };
        sigaction(SIGINT, &action, &saved_); // without SA_RESTART: who waits wakes up
    }
    Interruptible(const Interruptible &) = delete;
    Interruptible &operator=(const Interruptible &) = delete;
    ~Interruptible()
    {
        sigaction(SIGINT, &saved_, nullptr);
    }

private:
    struct sigaction saved_ = {};
};

/// A command that counts, as a child of this one. Under a screen, what it writes is kept until the screen is gone.
class Command {
public:
    Command(std::vector<std::string> words, bool keep_output)
    {
        std::vector<char *> arguments;
        for (std::string &word : words)
            arguments.push_back(word.data());
        arguments.push_back(nullptr);
        if (keep_output && !(output_ = std::tmpfile()))
            throw Error("no temporary file for the command's output: {}", std::strerror(errno));
        std::fflush(nullptr);
        pid_ = fork();
        if (pid_ < 0)
            throw Error("{}: {}", words.front(), std::strerror(errno));
        if (pid_ == 0)
            run(arguments.data());
    }
    Command(const Command &) = delete;
    Command &operator=(const Command &) = delete;
    ~Command()
    {
        if (output_)
            std::fclose(output_);
    }

    [[nodiscard]] pid_t pid() const
    {
        return pid_;
    }
    [[nodiscard]] bool has_ended()
    {
        int status = 0;
        if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_)
            status_ = status;
        return status_.has_value();
    }
    /// As a shell has it. Waits for its end.
    [[nodiscard]] int exit_status()
    {
        int status = 0;
        while (!status_)
            if (waitpid(pid_, &status, 0) == pid_)
                status_ = status;
            else if (errno != EINTR)
                return exit_usage;
        return WIFEXITED(*status_) ? WEXITSTATUS(*status_) : 128 + WTERMSIG(*status_);
    }
    void print_kept() const
    {
        if (!output_)
            return;
        std::rewind(output_);
        std::string text(4096, '\0');
        while (const std::size_t size = std::fread(text.data(), 1, text.size(), output_))
            write_output(text.substr(0, size));
    }

private:
    [[noreturn]] void run(char **arguments) const
    {
        if (output_) {
            dup2(fileno(output_), STDOUT_FILENO);
            dup2(fileno(output_), STDERR_FILENO);
        }
        setenv("SLICEPATCH_COUNT", "1", 1);
        execvp(arguments[0], arguments);
        const int error = errno;
        std::fprintf(stderr, "slicepatch top: %s: %s\n", arguments[0], std::strerror(error));
        std::fflush(stderr);
        _exit(error == ENOENT ? 127 : 126);
    }

    pid_t pid_ = -1;
    std::FILE *output_ = nullptr;
    std::optional<int> status_;
};

/// A process and what it has started, what that has started, and so on: a command may be a script that starts the
/// program, or a simulator.
std::vector<pid_t> family_of(pid_t first)
{
    std::multimap<pid_t, pid_t> children;
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator("/proc", error)) {
        pid_t parent = 0;
        const std::string number = entry.path().filename();
        if (number.find_first_not_of("0123456789") != std::string::npos)
            continue;
        std::ifstream stat(entry.path() / "stat");
        const std::string text{std::istreambuf_iterator<char>(stat), {}};
        const std::size_t name_end = text.rfind(')'); // the name may hold anything
        if (name_end != std::string::npos && std::sscanf(text.c_str() + name_end, ") %*c %d", &parent) == 1)
            children.emplace(parent, std::atoi(number.c_str()));
    }
    std::vector<pid_t> family{first};
    for (std::size_t i = 0; i < family.size(); ++i)
        for (auto [child, end] = children.equal_range(family[i]); child != end; ++child)
            family.push_back(child->second);
    return family;
}

/// The sites of a process, found once in a while, and what they count, read each time.
class Watch {
public:
    explicit Watch(pid_t pid) : process_(pid) {}

    /// Throws Error when the process has ended.
    std::vector<SiteView> look()
    {
        constexpr unsigned looks_between = 8; // or the names of many sites are looked up all the time
        if (looks_++ % looks_between == 0 || !counts_)
            find();
        std::vector<SiteView> sites;
        counts_ = false;
        for (LiveView &view : views_) {
            read_counts(process_, view.object);
            counts_ |= view.object.counters != 0;
            for (const SiteView &site : view.object.sites)
                if (site.counted)
                    sites.push_back(site);
        }
        process_.require_alive(); // or what was read is nothing
        return sites;
    }

private:
    /// While it loads objects or starts another program, what was found before is as good as anything.
    void find()
    {
        try {
            process_.read_again();
            views_ = view_process(process_, false);
        } catch (const Changed &) {
        }
    }

    Process process_;
    std::vector<LiveView> views_;
    unsigned looks_ = 0;
    bool counts_ = false;
};

void print_lines(const std::vector<std::string> &lines)
{
    for (const std::string &line : lines)
        print("{}\n", line);
    flush_output();
}

class Top {
public:
    /// Without a command, it is the options' process.
    Top(const TopOptions &options, Command *command)
        : options_(options), sort_(options.sort), table_(options.by), command_(command)
    {
        if (!command_)
            watch_ = std::make_unique<Watch>(options.pid);
    }

    void run(Screen *screen)
    {
        const Interruptible interruptible;
        Clock::time_point last = Clock::now();
        for (unsigned looks = 0; !interrupted && look(last); ++looks) {
            if (screen)
                screen->show(screen_lines(screen->columns()));
            else if (looks && (!options_.once || table_.seconds() > 0))
                print_look();
            if (options_.once && table_.seconds() > 0)
                return;
            if (!wait(screen))
                return;
        }
    }

    void print_summary() const
    {
        if (!options_.json)
            print_lines(top_summary(table_.rows(sort_), options_.columns));
    }

private:
    /// False when the process has ended: the look before was the last.
    bool look(Clock::time_point &last)
    {
        std::vector<SiteView> sites;
        try {
            sites = watch_ ? watch_->look() : find_counting();
        } catch (const Error &) {
            if (!command_)
                return false;
            watch_.reset(); // another one may follow
        }
        const Clock::time_point now = Clock::now();
        table_.look(sites, std::chrono::duration<double>(now - last).count());
        last = now;
        if (!table_.counts() && !command_)
            throw Error("process {} does not count: it has to be started with SLICEPATCH_COUNT=1", options_.pid);
        return !command_ || !command_->has_ended();
    }

    /// The first of the command's processes that counts is the one that is looked at from then on.
    std::vector<SiteView> find_counting()
    {
        for (const pid_t pid : family_of(command_->pid()))
            try {
                auto watch = std::make_unique<Watch>(pid);
                std::vector<SiteView> sites = watch->look();
                if (sites.empty())
                    continue;
                watch_ = std::move(watch);
                return sites;
            } catch (const Error &) { // it has ended meanwhile, or is none of ours
            }
        return {};
    }

    [[nodiscard]] std::vector<std::string> screen_lines(std::size_t columns) const
    {
        std::vector<std::string> lines = top_lines(table_.rows(sort_), table_.seconds(), columns, options_.unicode);
        if (!table_.counts())
            lines.emplace_back("nothing is counted yet: slicepatch_init() has not run");
        lines.emplace_back();
        lines.emplace_back("g, l, r, n: sort by granted, lost, reached, name; q: end");
        return lines;
    }

    void print_look() const
    {
        const std::vector<TopRow> rows = table_.rows(sort_);
        if (options_.json)
            print("{}\n", top_json(rows, table_.seconds()).dump());
        else
            print_lines(top_lines(rows, table_.seconds(), options_.columns, options_.unicode));
        flush_output();
    }

    /// Until the next look is due. False: the user has seen enough.
    bool wait(Screen *screen)
    {
        const auto interval = milliseconds(options_.interval_ms);
        if (!screen) {
            const timespec pause{static_cast<time_t>(interval.count() / 1000),
                                 static_cast<long>(interval.count() % 1000) * 1'000'000};
            nanosleep(&pause, nullptr);
            return true;
        }
        switch (screen->wait_for_key(static_cast<int>(interval.count()))) {
        case 'g':
            sort_ = TopSort::granted;
            return true;
        case 'l':
            sort_ = TopSort::lost;
            return true;
        case 'r':
            sort_ = TopSort::reached;
            return true;
        case 'n':
            sort_ = TopSort::name;
            return true;
        case 'q':
            return false;
        default:
            return true;
        }
    }

    const TopOptions &options_;
    TopSort sort_;
    std::unique_ptr<Watch> watch_;
    TopTable table_;
    Command *command_;
};

} // namespace

int top(TopOptions options)
{
    if (!options.pid == options.command.empty())
        throw Error("top: name a process with --pid, or a command, as in: slicepatch top -- COMMAND");
    const bool has_screen = !options.once && !options.json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
    options.unicode = terminal_has_unicode();
    std::optional<Command> command;
    if (!options.command.empty())
        command.emplace(options.command, has_screen);
    Top top(options, command ? &*command : nullptr);
    if (has_screen) {
        Screen screen;
        top.run(&screen);
    } else {
        top.run(nullptr);
    }
    if (command)
        command->print_kept();
    if (!options.once)
        top.print_summary();
    if (!command)
        return exit_ok;
    const bool ended = command->has_ended();
    if (!ended)
        kill(command->pid(), SIGTERM);
    const int status = command->exit_status();
    return ended ? status : exit_ok;
}

} // namespace slicepatch::tool
