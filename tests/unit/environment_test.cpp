// SPDX-License-Identifier: MIT
#include "patcher/library/settings.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <string>

using namespace slicepatch;

namespace {

/// One variable, for its own lifetime.
class Variable {
public:
    Variable(const char *name, const char *value) : name_(name)
    {
        setenv(name, value, 1);
    }
    Variable(const Variable &) = delete;
    Variable &operator=(const Variable &) = delete;
    ~Variable()
    {
        unsetenv(name_);
    }

private:
    const char *name_;
};

} // namespace

TEST_CASE("only an executable may lock by default, and an option decides otherwise")
{
    Settings executable, plugin, forced;
    CHECK(read_settings(nullptr, true, executable) == Status::ok);
    CHECK(executable.request.lock);
    CHECK(read_settings(nullptr, false, plugin) == Status::ok);
    CHECK(!plugin.request.lock);
    const slicepatch_options options{sizeof options, SLICEPATCH_OPTION_LOCK, nullptr};
    CHECK(read_settings(&options, false, forced) == Status::ok);
    CHECK(forced.request.lock);
}

TEST_CASE("the environment has the last word over the program's options")
{
    const Variable mode("SLICEPATCH", "off"), sites("SLICEPATCH_SITES", "-hot");
    const slicepatch_options options{sizeof options, SLICEPATCH_OPTION_REQUIRE, "hot"};
    Settings settings;
    CHECK(read_settings(&options, true, settings) == Status::ok);
    CHECK(settings.request.off);
    CHECK(settings.required == SLICEPATCH_GUARANTEE_NONE);
    CHECK(std::strcmp(settings.selection, "-hot") == 0);
}

TEST_CASE("an unknown value of a variable names the variable, the value and what is known")
{
    const struct {
        const char *name, *value, *complaint;
    } cases[] = {
        {"SLICEPATCH", "on", "SLICEPATCH=on is not one of auto, off, require, compiled"},
        {"SLICEPATCH_WRITER", "mmap", "SLICEPATCH_WRITER=mmap is not one of auto, procmem, rwx"},
        {"SLICEPATCH_LIVE", "yes", "SLICEPATCH_LIVE=yes is not one of 0, 1"},
        {"SLICEPATCH_VERBOSE", "2", "SLICEPATCH_VERBOSE=2 is not one of 0, 1"},
    };
    for (const auto &c : cases) {
        const Variable variable(c.name, c.value);
        Settings settings;
        CHECK(read_settings(nullptr, true, settings) == Status::bad_environment);
        CHECK(std::string(settings.complaint) == c.complaint);
    }
}

TEST_CASE("options that are too small, with unknown flags or against each other are refused")
{
    const slicepatch_options cases[] = {
        {sizeof(slicepatch_options) - 4, 0, nullptr},
        {sizeof(slicepatch_options), 1u << 30, nullptr},
        {sizeof(slicepatch_options), SLICEPATCH_OPTION_LOCK | SLICEPATCH_OPTION_ADOPT, nullptr},
        {sizeof(slicepatch_options), SLICEPATCH_OPTION_OFF | SLICEPATCH_OPTION_REQUIRE, nullptr},
    };
    for (const slicepatch_options &options : cases) {
        Settings settings;
        CHECK(read_settings(&options, true, settings) == Status::bad_options);
        CHECK(*settings.complaint);
    }
}

TEST_CASE("a variable lets a library lock, or keeps an executable from it")
{
    Settings library, executable, empty;
    {
        const Variable lock("SLICEPATCH_LOCK", "1");
        CHECK(read_settings(nullptr, false, library) == Status::ok);
        CHECK(library.request.lock);
    }
    {
        const Variable adopt("SLICEPATCH_LOCK", "0");
        CHECK(read_settings(nullptr, true, executable) == Status::ok);
        CHECK(!executable.request.lock);
    }
    const Variable unset("SLICEPATCH_LOCK", "");
    CHECK(read_settings(nullptr, true, empty) == Status::ok);
    CHECK(empty.request.lock);
}

TEST_CASE("only names that begin as ours and are none of ours are unknown, and are cut and made printable")
{
    for (const char *entry :
         {"SLICEPATCH=off", "SLICEPATCH_VERBOSE=", "SLICEPATCH_SIM_KERNEL=stock", "OTHER=1", "SLICE=1"})
        CHECK(!is_unknown_variable(entry));
    for (const char *entry : {"SLICEPATCH_VERBSE=1", "SLICEPATCHES", "SLICEPATCH_=", "SLICEPATCH_SITES2=x"})
        CHECK(is_unknown_variable(entry));
    char name[64];
    const std::string odd = "SLICEPATCH_\033" + std::string(100, 'x');
    const Variable first(odd.c_str(), "1"), second("SLICEPATCH_second", "1");
    std::string found;
    unsigned count = 0;
    while (unknown_variable(count, name)) {
        found += std::string(name) + "\n";
        ++count;
    }
    CHECK(count == 2);
    CHECK(found.find("SLICEPATCH_second\n") != std::string::npos);
    CHECK(found.find(("SLICEPATCH_?" + std::string(100, 'x')).substr(0, 63) + "\n") != std::string::npos);
}
