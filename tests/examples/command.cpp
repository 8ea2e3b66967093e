// SPDX-License-Identifier: MIT
#include "command.h"
#include "tests/skip.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <unistd.h>

namespace slicepatch::test {

namespace {

bool is_of_this_tree(const std::string &argument)
{
    return argument.starts_with(SLICEPATCH_BINARY_DIR "/");
}

} // namespace

BrokenPipe::BrokenPipe()
{
    int ends[2];
    if (pipe(ends) || dup2(ends[1], number) != number)
        throw std::runtime_error("pipe failed");
    close(ends[0]);
    close(ends[1]);
}

BrokenPipe::~BrokenPipe()
{
    close(number);
}

std::string quote(const std::string &argument)
{
    std::string quoted = "'";
    for (char c : argument)
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string read_text(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

Outcome run_shell(const std::string &script)
{
    return run_child(
        {.program = "/bin/sh", .arguments = {"-c", script}, .environment = {"LC_ALL=C"}, .emulated = false});
}

std::string command(const std::string &program)
{
    if (!emulator())
        return quote(program);
    // It runs on from what it has translated, whatever is written through /proc/self/mem.
    return "env SLICEPATCH_WRITER=rwx " + quote(emulator()) + " " + quote(program);
}

Outcome run(const std::vector<std::string> &arguments)
{
    const auto program = std::find_if(arguments.begin(), arguments.end(), is_of_this_tree);
    std::string script;
    for (auto argument = arguments.begin(); argument != arguments.end(); ++argument)
        script += (argument == program ? command(*argument) : quote(*argument)) + " ";
    return run_shell(script);
}

std::vector<std::string> find_texts()
{
    const std::filesystem::path source = SLICEPATCH_SOURCE_DIR;
    std::vector<std::string> texts = {(source / "LICENSE").string(),
                                      (source / "include/slicepatch/slicepatch.h").string(),
                                      (source / "include/slicepatch/site.h").string()};
    for (const char *folder : {"/usr/share/common-licenses", "/usr/share/perl/5.36.0/pod"}) {
        std::error_code missing; // not every machine is a Debian one
        for (const auto &entry : std::filesystem::directory_iterator(folder, missing))
            if (entry.is_regular_file() && !entry.is_symlink())
                texts.push_back(entry.path().string());
    }
    return texts;
}

} // namespace slicepatch::test
