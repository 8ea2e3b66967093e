// SPDX-License-Identifier: MIT
//
// compare PRINTER PROGRAM FILE...: whether the library, in the process of PROGRAM, and `slicepatch` in the files of it
// say the same of each site: where it is, what is wrong with it, and with which others it shares its decisions.
#include "patcher/library/sites/sites.h"
#include "patcher/tool/elf_file.h"
#include "patcher/tool/error.h"
#include "patcher/tool/site_view.h"
#include "tests/child.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

using namespace slicepatch;

namespace {

struct Said {
    std::uint64_t address;
    unsigned kind;
    std::string trouble;
    std::uint32_t group; // numbered in the order of sites
    auto operator<=>(const Said &) const = default;
};

struct Answer {
    std::string bad;
    std::vector<Said> sites;
    bool operator==(const Answer &) const = default;
};

void number_groups(Answer &object)
{
    std::sort(object.sites.begin(), object.sites.end(), [](const Said &a, const Said &b) {
        return std::tie(a.address, a.kind, a.trouble) < std::tie(b.address, b.kind, b.trouble);
    });
    std::map<std::uint32_t, std::uint32_t> numbers;
    for (Said &site : object.sites)
        site.group = numbers.try_emplace(site.group, static_cast<std::uint32_t>(numbers.size())).first->second;
}

std::map<std::string, Answer> ask_library(const std::string &printer, const std::string &program)
{
    std::map<std::string, Answer> objects;
    const test::Ended ended = test::run_child({.program = program, .environment = {"LD_PRELOAD=" + printer}});
    std::istringstream lines(ended.out);
    Answer *object = nullptr;
    for (std::string text; std::getline(lines, text);) {
        if (text.starts_with("object ")) {
            const std::string name = text.substr(7);
            object = &objects[name.empty() ? program : name];
        } else if (text.starts_with("bad ")) {
            object->bad = text.substr(4);
        } else {
            unsigned long long address = 0;
            unsigned kind = 0, trouble = 0, group = 0;
            if (std::sscanf(text.c_str(), "%llx %u %u %u", &address, &kind, &trouble, &group) != 4)
                throw tool::Error("{} prints {}", program, text);
            const auto status = static_cast<Status>(trouble);
            object->sites.push_back({address, kind, status == Status::ok ? "" : status_text(status), group});
        }
    }
    if (ended.status != 0 || objects.empty())
        throw tool::Error("{} did not come to its end", program);
    return objects;
}

/// What is wrong with bytes, the library asks elsewhere (read_states); of other troubles the words alone count.
std::string trouble_of(const tool::SiteView &site)
{
    if (site.trouble.starts_with(status_text(Status::bytes_foreign)))
        return "";
    return site.trouble.substr(0, site.trouble.find(": "));
}

Answer ask_program(const std::string &path)
{
    const tool::ElfFile file(path);
    const tool::ObjectView view = tool::view_object(file, &file, false);
    Answer object{view.trouble == Status::ok ? "" : status_text(view.trouble), {}};
    for (const tool::SiteView &site : view.sites)
        object.sites.push_back({site.link_address, site.kind, trouble_of(site), site.group});
    return object;
}

void print(const char *who, const Answer &object)
{
    fmt::print("{}: {}\n", who, object.bad);
    for (const Said &site : object.sites)
        fmt::print("  {:#x} kind {} group {} {}\n", site.address, site.kind, site.group, site.trouble);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    try {
        std::map<std::string, Answer> library = ask_library(argv[1], argv[2]);
        std::size_t sites = 0, groups = 0, troubles = 0;
        for (int i = 3; i < argc; ++i) {
            Answer theirs = library[argv[i]], ours = ask_program(argv[i]);
            number_groups(theirs);
            number_groups(ours);
            if (theirs != ours) {
                fmt::print("{}: the library and the program do not say the same\n", argv[i]);
                print("library", theirs);
                print("program", ours);
                return 1;
            }
            std::uint32_t last = 0;
            for (const Said &site : ours.sites) {
                last = std::max(last, site.group + 1);
                troubles += !site.trouble.empty();
            }
            sites += ours.sites.size();
            groups += last;
            troubles += !ours.bad.empty();
        }
        fmt::print("{} sites in {} groups, {} troubles\n", sites, groups, troubles);
        return 0;
    } catch (const tool::Error &error) {
        fmt::print("{}\n", error.what());
        return 1;
    }
}
