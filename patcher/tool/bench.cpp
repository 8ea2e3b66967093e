// SPDX-License-Identifier: MIT
//
// `slicepatch bench` is a program of its own, which is not installed everywhere.
#include "commands.h"
#include "error.h"
#include "output.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <unistd.h>

namespace slicepatch::tool {

int bench(const std::vector<std::string> &arguments)
{
    char self[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
    if (length <= 0 || length == static_cast<ssize_t>(sizeof self))
        throw Error("bench: /proc/self/exe cannot be read, and with it the program beside this one");
    std::string path(self, static_cast<std::size_t>(length));
    path = path.substr(0, path.rfind('/')) + "/" SLICEPATCH_BENCH_FOLDER "/bench";
    std::string name = "bench";
    std::vector<char *> all{path.data(), name.data()};
    std::vector<std::string> copies = arguments;
    for (std::string &argument : copies)
        all.push_back(argument.data());
    all.push_back(nullptr);
    flush_output();
    execv(path.c_str(), all.data());
    throw Error("bench: {}: {} (it is built with SLICEPATCH_BUILD_BENCH and installed with SLICEPATCH_INSTALL_BENCH)",
                path, std::strerror(errno));
}

} // namespace slicepatch::tool
