// SPDX-License-Identifier: MIT
#include "instructions.h"
#include "sample.h"

#include <doctest/doctest.h>

#include <set>

using namespace slicepatch;
using namespace slicepatch::test;

namespace {

using Json = nlohmann::json;

/// By value: a reference would look to a compiler as if it could be into an argument that is gone.
Json find_site(const Json &sites, const std::string &kind, const std::string &label)
{
    for (const Json &site : sites)
        if (site["kind"] == kind && site["label"] == label)
            return site;
    throw std::runtime_error("no " + kind + " of " + label);
}

std::set<std::string> keys_of(const Json &object)
{
    std::set<std::string> keys;
    for (const auto &[key, value] : object.items())
        keys.insert(key);
    return keys;
}

} // namespace

TEST_CASE("dump lists every site of an executable, a static one and a shared object")
{
    for (const char *path : {SAMPLE, SAMPLE_STATIC, SAMPLE_SHARED}) {
        CAPTURE(path);
        const Json sites = slicepatch_json({"dump", path})["sites"];
        REQUIRE(sites.size() == sample_sites);
        for (const auto &[label, function] : {std::pair{"", "without_label"}, std::pair{"sample.lock", "with_label"}})
            for (const auto &[kind, macro] : {std::pair{"enter", "ENTER"}, std::pair{"exit", "EXIT"}}) {
                const Json site = find_site(sites, kind, label);
                const std::string text = *label ? "SLICEPATCH_" + std::string(macro) + "_AS(\"" + label + "\")"
                                                : "SLICEPATCH_" + std::string(macro) + "()";
                CHECK(site["function"] == function);
                CHECK(site["line"] == sample_line(text));
                CHECK(site["file"].get<std::string>().ends_with("samples/sample.c"));
                CHECK(site["state"] == "compiled");
                CHECK(site["object"] == path);
            }
        CHECK(find_site(sites, "branch", "sample.branch")["function"] == "chooses");
    }
}

TEST_CASE("a row of dump has the fields that are documented, and each has its type")
{
    const std::set<std::string> keys{"object", "address", "kind",  "label", "function",
                                     "file",   "line",    "state", "bytes", "disassembly"};
    const Json sites = slicepatch_json({"dump", SAMPLE})["sites"];
    REQUIRE(sites.size() == sample_sites);
    for (const Json &site : sites) {
        CHECK(keys_of(site) == keys);
        for (const std::string &key : keys)
            CHECK(site[key].is_string() == (key != "line"));
        CHECK(site["line"].is_number_unsigned());
        CHECK(site["address"].get<std::string>().starts_with("0x"));
    }
}

TEST_CASE("dump reads as text: grouped by object, with a summary of states")
{
    const Outcome outcome = slicepatch_tool({"dump", SAMPLE, SAMPLE_SHARED});
    CHECK(outcome.status == 0);
    CHECK(outcome.error == "");
    CHECK(outcome.out.find(std::string(SAMPLE) + ": " + sample_backend().name + ", 5 sites\n") != std::string::npos);
    CHECK(outcome.out.ends_with("\n10 sites in 2 objects: 10 compiled, 0 enabled, 0 off, 0 foreign\n"));
}

TEST_CASE("dump selects by label, and by function where there is none")
{
    CHECK(slicepatch_json({"dump", SAMPLE, "--label", "sample.*"})["sites"].size() == 3);
    CHECK(slicepatch_json({"dump", SAMPLE, "--label", "without_*"})["sites"].size() == 2);
    CHECK(slicepatch_json({"dump", SAMPLE, "--label", "with_label"})["sites"].empty()); // it has a label
}

TEST_CASE("without section headers dump finds the same sites and states, without names of functions")
{
    Bytes bytes(SAMPLE);
    bytes.header().e_shoff = bytes.header().e_shnum = bytes.header().e_shstrndx = 0;
    const TemporaryFolder folder;
    const Json stripped = slicepatch_json({"dump", bytes.write(folder)})["sites"];
    const Json whole = slicepatch_json({"dump", SAMPLE})["sites"];
    REQUIRE(stripped.size() == sample_sites);
    for (std::size_t i = 0; i < sample_sites; ++i) {
        for (const char *key : {"address", "kind", "label", "file", "line", "state", "bytes"})
            CHECK(stripped[i][key] == whole[i][key]);
        CHECK(stripped[i]["function"] == "");
    }
}

TEST_CASE("the instructions of each form are those that the design names")
{
    const TemporaryFolder folder;
    Bytes bytes(SAMPLE);
    for (State state : {State::enabled, State::off}) {
        for (const Record &record : bytes.records())
            bytes.put(record, state);
        const Json sites = slicepatch_json({"dump", bytes.write(folder)})["sites"];
        REQUIRE(sites.size() == sample_sites);
        for (const Json &site : sites) {
            CAPTURE(site.dump());
            CHECK(site["state"] == state_name(state));
            CHECK((state == State::off ? reads_as_off(site["kind"], site["disassembly"])
                                       : reads_as_enabled(site["kind"], site["disassembly"], sample_offset_text)));
        }
    }
}

TEST_CASE("a file of another architecture is listed, without what nobody here can read")
{
    constexpr std::uint16_t riscv = EM_RISCV;
    REQUIRE(find_backend(riscv) == nullptr);
    Bytes bytes(SAMPLE);
    bytes.header().e_machine = riscv;
    for (const Record &record : bytes.records())
        bytes.fields(record).machine = riscv;
    const TemporaryFolder folder;
    const Outcome outcome = slicepatch_tool({"dump", "--json", bytes.write(folder)});
    CHECK(outcome.status == 2);
    CHECK(
        outcome.error.find("this build has no backend for ELF machine 243 (machine 243): its sites are listed without "
                           "their state") != std::string::npos);
    const Json sites = Json::parse(outcome.out)["sites"];
    REQUIRE(sites.size() == sample_sites);
    for (const Json &site : sites)
        CHECK(site["state"].is_null());
    CHECK(find_site(sites, "enter", "sample.lock")["function"] == "with_label");
}

TEST_CASE("what is no readable ELF file gets an exact message")
{
    const TemporaryFolder folder;
    const auto message = [&](const std::string &path) {
        const Outcome outcome = slicepatch_tool({"dump", path});
        CHECK(outcome.status == 2);
        const std::string prefix = "slicepatch: " + path + ": ";
        REQUIRE(outcome.error.starts_with(prefix));
        return outcome.error.substr(prefix.size());
    };
    const auto changed = [&](auto change) {
        Bytes bytes(SAMPLE);
        change(bytes.header());
        return message(bytes.write(folder));
    };
    CHECK(message(folder.path("missing")) == "No such file or directory\n");
    CHECK(message(folder.path(".")) == "is a directory\n");
    CHECK(message("/dev/null") == "is not a regular file\n");
    CHECK(message(folder.write("empty", "")) == "not an ELF file\n");
    CHECK(message(folder.write("text", "text")) == "not an ELF file\n");
    CHECK(message(SAMPLE_OBJECT) == "a relocatable object file: sites exist only after linking\n");
    CHECK(changed([](Elf64_Ehdr &header) { header.e_ident[EI_DATA] = ELFDATA2MSB; }) ==
          "a big-endian ELF file: no supported architecture is big-endian\n");
    CHECK(changed([](Elf64_Ehdr &header) { header.e_ident[EI_CLASS] = ELFCLASS32; }) ==
          "a 32-bit ELF file: sites exist in 64-bit programs only\n");
    CHECK(changed([](Elf64_Ehdr &header) { header.e_type = ET_CORE; }) ==
          "a core dump: name the executable and libraries instead\n");
    CHECK(changed([](Elf64_Ehdr &header) { header.e_phoff = ~0ULL; }).starts_with("truncated: "));
}

TEST_CASE("a file that cannot be read does not hide the others")
{
    const Outcome outcome = slicepatch_tool({"dump", "/nonexistent", SAMPLE});
    CHECK(outcome.status == 2);
    CHECK(outcome.error == "slicepatch: /nonexistent: No such file or directory\n");
    CHECK(outcome.out.ends_with("5 sites in 1 object: 5 compiled, 0 enabled, 0 off, 0 foreign\n"));
}

TEST_CASE("a program without sites is not an error")
{
    const Outcome outcome = slicepatch_tool({"dump", "/bin/true"});
    CHECK(outcome.status == 0);
    CHECK(outcome.out.ends_with("0 sites in 0 objects: 0 compiled, 0 enabled, 0 off, 0 foreign\n"));
}

TEST_CASE("a label that would control the terminal does not")
{
    Bytes bytes(SAMPLE);
    *bytes.at(bytes.find(Kind::enter).named_by(&slicepatch_site_record::label)) = 0x1b;
    const TemporaryFolder folder;
    const std::string path = bytes.write(folder);
    CHECK(slicepatch_tool({"dump", path}).out.find('\x1b') == std::string::npos);
    *bytes.at(bytes.find(Kind::enter).named_by(&slicepatch_site_record::label)) = 0xff; // not UTF-8
    CHECK(slicepatch_json({"dump", bytes.write(folder)})["sites"].size() == sample_sites);
}
