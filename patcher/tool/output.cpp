// SPDX-License-Identifier: MIT
#include "output.h"
#include "error.h"
#include "printable.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <unistd.h>

namespace slicepatch::tool {

namespace {

bool lost = false;

/// Or the first file that is opened gets the number, and what is printed. A name of "/" alone can be neither read nor
/// written, as a closed descriptor, and programs that are started find it closed again.
void keep_number(int number)
{
    if (fcntl(number, F_GETFD) < 0 && errno == EBADF)
        (void)open("/", O_PATH | O_CLOEXEC); // the lowest number that is free, which is this one
}

/// A reader that has gone is then an error of write(2). A handler, which programs that are started do not inherit,
/// unlike SIG_IGN.
void survive_broken_pipes()
{
    struct sigaction action {};
    if (sigaction(SIGPIPE, nullptr, &action) != 0 || action.sa_handler != SIG_DFL)
        return;
    action.sa_handler = [](int) {};
    action.sa_flags = SA_RESTART;
    (void)sigaction(SIGPIPE, &action, nullptr); // a valid signal and handler: cannot fail
}

[[noreturn]] void fail()
{
    throw Error("standard output cannot be written: {}", std::strerror(errno));
}

} // namespace

void prepare_output()
{
    for (int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        keep_number(number);
    survive_broken_pipes();
}

void write_output(const std::string &text)
{
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
        fail();
}

void flush_output()
{
    if (std::fflush(stdout) != 0)
        fail();
}

void complain(const std::string &text)
{
    static std::set<std::string> said;
    const std::string line = "slicepatch: " + printable(text) + "\n";
    if (!said.insert(line).second)
        return;
    lost |= std::fwrite(line.data(), 1, line.size(), stderr) != line.size();
}

bool complaints_lost()
{
    return lost;
}

} // namespace slicepatch::tool
