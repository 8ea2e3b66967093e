// SPDX-License-Identifier: MIT
#include "patcher/library/base/maps.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include <cstdio>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace slicepatch;

namespace {

constexpr int guard = 0x10;

/// A file as the kernel would write it.
class MapsFile {
public:
    explicit MapsFile(const std::string &text)
    {
        std::FILE *file = fdopen(mkstemp(path_), "w");
        REQUIRE(file);
        REQUIRE(std::fwrite(text.data(), 1, text.size(), file) == text.size());
        std::fclose(file);
    }
    MapsFile(const MapsFile &) = delete;
    MapsFile &operator=(const MapsFile &) = delete;
    ~MapsFile()
    {
        unlink(path_);
    }
    [[nodiscard]] const char *path() const
    {
        return path_;
    }

private:
    char path_[32] = "/tmp/slicepatch-maps-XXXXXX";
};

std::string line(const char *addresses, const char *permissions, const std::string &name)
{
    return std::string(addresses) + " " + permissions + " 00001000 fe:10 4242                      " + name + "\n";
}

int protection_at(Maps &maps, std::uintptr_t address)
{
    Mapping mapping;
    return maps.find(address, mapping) == Maps::Answer::found ? mapping.protection : -1;
}

const std::string flags = "Size:                  4 kB\nVmFlags: rd ex mr mw me";

} // namespace

TEST_CASE("the mapping that holds an address is found with its protection and its file, and gaps are nobody's")
{
    const MapsFile file(line("1000-2000", "r--p", "/a") + line("2000-5000", "r-xp", "/a") +
                        line("7000-8000", "rwxs", ""));
    Maps maps(file.path());
    Mapping mapping;
    CHECK(maps.find(0x800, mapping) == Maps::Answer::absent);
    REQUIRE(maps.find(0x4fff, mapping) == Maps::Answer::found);
    CHECK(mapping.begin == 0x2000);
    CHECK(mapping.end == 0x5000);
    CHECK(mapping.protection == (PROT_READ | PROT_EXEC));
    CHECK(mapping.file == FileIdentity{0xfe, 0x10, 4242});
    CHECK(maps.find(0x5000, mapping) == Maps::Answer::absent);
    CHECK(protection_at(maps, 0x7000) == (PROT_READ | PROT_WRITE | PROT_EXEC));
    CHECK(maps.find(0x8000, mapping) == Maps::Answer::absent);
    CHECK(protection_at(maps, 0x1000) == PROT_READ); // back to the beginning
}

TEST_CASE("whatever a name says, wherever the buffer ends in it, it is no mapping")
{
    for (std::size_t length = 0; length < 5000; length += 7) {
        const std::string name = std::string(length, ' ') + "0-ffffffffffffffff rwxp 0 0:0 0 VmFlags: bt";
        const MapsFile file(line("1000-2000", "r--p", name) + line("2000-3000", "r-xp", name));
        Maps maps(file.path());
        REQUIRE(protection_at(maps, 0x2000) == (PROT_READ | PROT_EXEC));
    }
}

TEST_CASE("a guard is a flag of the mapping itself")
{
    const std::string name = std::string(500, ' ') + "VmFlags: bt";
    const MapsFile file(line("1000-2000", "r-xp", name) + flags + " bt sd\n" + line("2000-3000", "r-xp", name) + flags +
                        " \nVmxFlags: bt\n" + line("3000-4000", "r-xp", name) + flags + " bt\n");
    Maps maps(file.path(), guard);
    CHECK(protection_at(maps, 0x3000) == (PROT_READ | PROT_EXEC | guard));
    CHECK(protection_at(maps, 0x2000) == (PROT_READ | PROT_EXEC));
    CHECK(protection_at(maps, 0x1000) == (PROT_READ | PROT_EXEC | guard));
    CHECK(protection_at(maps, 0x1800) == (PROT_READ | PROT_EXEC | guard));
}

TEST_CASE("what is no list of mappings is unreadable, and stays so")
{
    const MapsFile gone("");
    for (const std::string &text : {std::string("1000-2000 r?xp 0 0:0 0\n"), std::string("nothing\n"),
                                    line("2000-1000", "r-xp", ""), std::string("1000-2000 r-xp"),
                                    line("1000-2000", "r-xp", "") + line("2000-3000", "r-xp", "") + flags + "\n"}) {
        CAPTURE(text);
        const MapsFile file(text);
        Maps maps(file.path(), guard); // no flags of the first mapping
        Mapping mapping;
        CHECK(maps.find(0x1000, mapping) == Maps::Answer::unreadable);
        CHECK(maps.find(0x2000, mapping) == Maps::Answer::unreadable);
    }
    Mapping mapping;
    CHECK(Maps("/nonexistent").find(0x1000, mapping) == Maps::Answer::unreadable);
    CHECK(Maps("/").find(0x1000, mapping) == Maps::Answer::unreadable);
    CHECK(Maps(gone.path()).find(0x1000, mapping) == Maps::Answer::absent);
}

// Emulators of processes have no seccomp, and smaps of their own; the virtual machine runs it.
TEST_CASE("the kernel's own list has this program's text in it, with and without flags" *
          doctest::skip(std::getenv("SLICEPATCH_EMULATOR") != nullptr))
{
    const auto text = reinterpret_cast<std::uintptr_t>(&protection_at);
    for (const char *path : {Maps::own, Maps::own_with_flags}) {
        Maps maps(path, path == Maps::own ? 0 : guard);
        CHECK((protection_at(maps, text) & ~guard) == (PROT_READ | PROT_EXEC));
    }
    Maps maps;
    Mapping mapping;
    Array<char> name;
    REQUIRE(maps.find(text, mapping) == Maps::Answer::found);
    REQUIRE(maps.read_name(name));
    CHECK(std::strstr(name.begin(), "/unit_test"));
    CHECK(protection_at(maps, reinterpret_cast<std::uintptr_t>(&maps)) == (PROT_READ | PROT_WRITE)); // the stack
}
