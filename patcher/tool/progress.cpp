// SPDX-License-Identifier: MIT
#include "progress.h"
#include "printable.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fmt/format.h>
#include <mutex>
#include <sys/ioctl.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace slicepatch::tool {

namespace {

using Clock = std::chrono::steady_clock;

const Clock::time_point started = Clock::now(); // about when the program was

/// A program in the background leaves the terminal to the one in front.
bool is_in_front()
{
    const pid_t group = tcgetpgrp(STDERR_FILENO);
    return group < 0 || group == getpgrp(); // below 0: no terminal of this session
}

/// Less than a line of the terminal: what is wrapped could not be taken away again.
std::size_t usable_width()
{
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return std::max<std::size_t>(known ? size.ws_col : 80, 20) - 1;
}

void write_terminal(const std::string &text)
{
    (void)!write(STDERR_FILENO, text.data(), text.size()); // a terminal that has gone shows nothing
}

} // namespace

class Progress::Line {
public:
    explicit Line(std::string what) : what_(std::move(what)), thread_([this] { run(); }) {}
    ~Line()
    {
        {
            const std::lock_guard guard(mutex_);
            stop_ = true;
        }
        changed_.notify_one();
        thread_.join();
        erase();
    }
    Line(const Line &) = delete;
    Line &operator=(const Line &) = delete;

    void say(std::string what)
    {
        const std::lock_guard guard(mutex_);
        what_ = std::move(what);
    }

private:
    void run()
    {
        constexpr std::chrono::seconds quiet(1);
        constexpr std::chrono::milliseconds interval(200);
        std::unique_lock lock(mutex_);
        for (auto next = std::max(started + quiet, Clock::now());
             !changed_.wait_until(lock, next, [this] { return stop_; }); next = Clock::now() + interval)
            if (is_in_front())
                show();
    }

    void show()
    {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started).count();
        const std::size_t width = usable_width();
        const std::string line = first_of(fmt::format("slicepatch: {} s: {}", seconds, printable(what_)), width);
        const std::size_t before = std::min(shown_, width);
        write_terminal("\r" + line + std::string(line.size() < before ? before - line.size() : 0, ' '));
        shown_ = line.size();
    }

    /// In ways that every terminal knows.
    void erase() const
    {
        if (shown_ && is_in_front())
            write_terminal("\r" + std::string(std::min(shown_, usable_width()), ' ') + "\r");
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::string what_;
    bool stop_ = false;
    std::size_t shown_ = 0; // bytes of the line that is there, which are at least its columns
    std::thread thread_;    // last: it uses the rest
};

Progress::Progress(const std::string &what)
{
    if (isatty(STDERR_FILENO) != 1)
        return;
    try {
        line_ = std::make_unique<Line>(what);
    } catch (const std::system_error &) {
        // Without a thread nothing is shown, and the work is done all the same.
    }
}

Progress::~Progress() = default;

void Progress::operator()(const std::string &what) const
{
    if (line_)
        line_->say(what);
}

} // namespace slicepatch::tool
