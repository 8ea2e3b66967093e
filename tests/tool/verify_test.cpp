// SPDX-License-Identifier: MIT
#include "sample.h"

#include <doctest/doctest.h>

using namespace slicepatch;
using namespace slicepatch::test;

namespace {

std::uint64_t head_of(const Record &record)
{
    return record.named_by(&slicepatch_site_record::head);
}

/// Where the sample has no code; its table may be beside the code.
std::uint64_t data_of(Bytes &bytes)
{
    std::size_t index = 0;
    while (bytes.program_header(index).p_type != PT_LOAD || !(bytes.program_header(index).p_flags & PF_W))
        ++index;
    return (bytes.program_header(index).p_vaddr + 7) / 8 * 8;
}

/// Changes a sample, and expects verify to name that site with these words.
template <class Change>
void expect_finding(const std::string &words, Change change, Kind kind = Kind::enter, const char *label = "sample.lock")
{
    CAPTURE(words);
    const TemporaryFolder folder;
    Bytes bytes(SAMPLE);
    const Record &record = bytes.find(kind, label);
    change(bytes, record);
    const Outcome outcome = slicepatch_tool({"verify", bytes.write(folder)});
    CHECK(outcome.status == 1);
    CHECK(outcome.error == "");
    INFO(outcome.out);
    CHECK(outcome.out.find(words) != std::string::npos);
}

/// The address that verify gives the site after the record's head was changed.
std::string named(Bytes &bytes, const Record &record)
{
    Record changed = record;
    changed.fields = bytes.fields(record);
    return hexadecimal(head_of(changed));
}

} // namespace

TEST_CASE("verify is content with what a compiler and a linker made")
{
    const Outcome outcome = slicepatch_tool({"verify", SAMPLE, SAMPLE_STATIC, SAMPLE_SHARED});
    CHECK(outcome.status == 0);
    CHECK(outcome.out == "15 sites in 3 objects: 15 compiled, 0 enabled, 0 off, 0 foreign; all is well\n");
}

TEST_CASE("verify is content with groups that are wholly enabled or wholly off")
{
    for (State state : {State::enabled, State::off}) {
        const TemporaryFolder folder;
        Bytes bytes(SAMPLE);
        for (const Record &record : bytes.records())
            bytes.put(record, state);
        CHECK(slicepatch_tool({"verify", bytes.write(folder)}).status == 0);
    }
}

TEST_CASE("verify names a site whose bytes are not a site's")
{
    expect_finding("a post-link rewriter such as BOLT has moved the code",
                   [](Bytes &bytes, const Record &record) { *bytes.at(head_of(record)) = 0xcc; });
    const TemporaryFolder folder;
    Bytes bytes(SAMPLE);
    const Record &record = bytes.find(Kind::exit);
    *bytes.at(head_of(record) + 8) ^= 1; // in the tail
    const Outcome outcome = slicepatch_tool({"verify", bytes.write(folder)});
    CHECK(outcome.status == 1);
    CHECK(outcome.out.find("exit at " + hexadecimal(head_of(record)) + ", label \"sample.lock\", in with_label, ") !=
          std::string::npos);
    CHECK(outcome.out.ends_with("; 1 finding\n"));
}

TEST_CASE("verify names a site whose record is malformed")
{
    using Fields = slicepatch_site_record;
    expect_finding(": the site is misaligned: by 1 of ",
                   [](Bytes &bytes, const Record &record) { bytes.fields(record).head += 1; });
    expect_finding(": the site overlaps another site", [](Bytes &bytes, const Record &record) {
        bytes.point(record, &Fields::head, head_of(bytes.find(Kind::exit)));
    });
    expect_finding(": the site is not in executable memory",
                   [](Bytes &bytes, const Record &record) { bytes.point(record, &Fields::head, data_of(bytes)); });
    expect_finding(": a jump target of the site is not in executable memory",
                   [](Bytes &bytes, const Record &record) { bytes.point(record, &Fields::cold, data_of(bytes)); });
    expect_finding(
        ": a jump target of the site is not in executable memory",
        [](Bytes &bytes, const Record &record) { bytes.point(record, &Fields::taken, data_of(bytes)); }, Kind::branch,
        "sample.branch");
    for (auto field : {&Fields::label, &Fields::file})
        expect_finding(": the label or file name of the site is not inside the object",
                       [field](Bytes &bytes, const Record &record) { bytes.fields(record).*field = INT32_MAX; });
    expect_finding("the record is of an unknown kind, version or architecture: kind 99, version 3",
                   [](Bytes &bytes, const Record &record) { bytes.fields(record).kind = 99; });
    expect_finding("the record is of an unknown kind, version or architecture: kind 1, version 4",
                   [](Bytes &bytes, const Record &record) { bytes.fields(record).version = 4; });
    expect_finding(", machine 243",
                   [](Bytes &bytes, const Record &record) { bytes.fields(record).machine = EM_RISCV; });
}

TEST_CASE("verify gives the address of a malformed record")
{
    const TemporaryFolder folder;
    Bytes bytes(SAMPLE);
    const Record &record = bytes.find(Kind::enter);
    bytes.fields(record).head += 4;
    const nlohmann::json findings = slicepatch_json({"verify", bytes.write(folder)})["findings"];
    REQUIRE(findings.size() == 2); // the record without its site, and the site without its record
    CHECK(findings[0]["address"] == named(bytes, record));
    CHECK(findings[0]["label"] == "sample.lock");
    CHECK(findings[0]["line"] == sample_line("SLICEPATCH_ENTER_AS(\"sample.lock\")"));
    CHECK(findings[1]["finding"].get<std::string>().find("enter at " + hexadecimal(head_of(record)) +
                                                         ", in with_label: no record names it") == 0);
}

TEST_CASE("verify finds a group whose sites are in different states")
{
    const auto exit_of = [](Bytes &bytes) { return bytes.find(Kind::exit); };
    expect_finding("its request would stay set",
                   [&](Bytes &bytes, const Record &) { bytes.put(exit_of(bytes), State::off); });
    expect_finding("its request would stay set", [&](Bytes &bytes, const Record &record) {
        bytes.put(record, State::enabled);
        bytes.put(exit_of(bytes), State::off);
    });
    expect_finding(
        "label \"sample.lock\" is inconsistent: this site is off, while the exit at", // harmless, but not ours
        [&](Bytes &bytes, const Record &record) {
            bytes.put(record, State::off);
            bytes.put(exit_of(bytes), State::enabled);
        });
    expect_finding("label \"sample.lock\" is inconsistent: this site is as compiled",
                   [](Bytes &bytes, const Record &record) { bytes.put(record, State::enabled); });
    expect_finding(
        "function without_label is inconsistent: this site is as compiled",
        [](Bytes &bytes, const Record &record) { bytes.put(record, State::enabled); }, Kind::enter, "");
}

TEST_CASE("verify finds sites that disagree about the request byte")
{
    expect_finding(
        "writes its request -60 bytes from the thread pointer",
        [](Bytes &bytes, const Record &) {
            for (const Record &record : bytes.records())
                bytes.put(record, State::enabled, -60);
            bytes.put(bytes.find(Kind::exit), State::enabled, -52);
            bytes.put(bytes.find(Kind::enter), State::enabled, -52);
            bytes.put(bytes.find(Kind::enter, ""), State::enabled, -52);
        },
        Kind::exit, "");
}

TEST_CASE("verify finds a note that does not fit its table")
{
    const auto problem = [](auto change) {
        const TemporaryFolder folder;
        Bytes bytes(SAMPLE);
        change(bytes.note());
        const Outcome outcome = slicepatch_tool({"verify", bytes.write(folder)});
        CHECK(outcome.status == 1);
        return outcome.out;
    };
    const auto holds = [](const std::string &text, const std::string &words) {
        return text.find(words) != std::string::npos;
    };
    const std::string malformed = status_text(Status::note_malformed),
                      outside = status_text(Status::table_outside_object);
    CHECK(holds(problem([](slicepatch_note &note) { note.version = 4; }), malformed));
    CHECK(holds(problem([](slicepatch_note &note) { note.record_size = 24; }), malformed));
    CHECK(holds(problem([](slicepatch_note &note) { note.stop -= 1; }), outside));
    CHECK(holds(problem([](slicepatch_note &note) { note.start += 28; }), outside));
    CHECK(holds(problem([](slicepatch_note &note) { note.start = INT32_MAX / 28 * 28 - 7; }), outside));
    CHECK(holds(problem([](slicepatch_note &note) { note.object = 0; }), outside));
    CHECK(holds(problem([](slicepatch_note &note) { note.stop = note.start - 4; }), outside)); // equal addresses: empty
}

TEST_CASE("verify and dump follow a note that was moved")
{
    const TemporaryFolder folder;
    Bytes bytes(SAMPLE);
    for (auto field : {&slicepatch_note::start, &slicepatch_note::stop, &slicepatch_note::object})
        bytes.note().*field += 0x5000;
    const std::string path = bytes.write(folder);
    CHECK(slicepatch_tool({"verify", path}).out ==
          "5 sites in 1 object: 5 compiled, 0 enabled, 0 off, 0 foreign; all is well\n");
    CHECK(slicepatch_json({"dump", path})["sites"].size() == sample_sites);
}

TEST_CASE("verify finds marked code that no record names")
{
    const TemporaryFolder folder;
    Bytes bytes(SAMPLE);
    // As a linker leaves it that has dropped every record: note and state name an empty table.
    slicepatch_note &note = bytes.note();
    const auto state = bytes.address_of(&note.object) + static_cast<std::uint64_t>(std::int64_t{note.object});
    reinterpret_cast<slicepatch_object_state *>(bytes.at(state))->stop -= note.stop + 4 - note.start;
    note.stop = note.start - 4;
    const Outcome outcome = slicepatch_tool({"verify", bytes.write(folder)});
    CHECK(outcome.status == 1);
    CHECK(outcome.out.find("holds 5 records, but the note leads to 0") != std::string::npos);
    for (Kind kind : {Kind::enter, Kind::exit})
        CHECK(outcome.out.find(std::string(kind_name(kind)) + " at " + hexadecimal(head_of(bytes.find(kind))) +
                               ", in with_label: no record names it") != std::string::npos);
    CHECK(outcome.out.find(status_text(Status::table_missing)) != std::string::npos);
    CHECK(outcome.out.ends_with("; 6 findings\n")); // two pairs, the section, and the table
}

TEST_CASE("verify says that a file has nothing to verify")
{
    const Outcome outcome = slicepatch_tool({"verify", SAMPLE_WITHOUT_SITES});
    CHECK(outcome.status == 0);
    CHECK(outcome.out.starts_with(SAMPLE_WITHOUT_SITES ": no sites, and no marked code\n"));
}

TEST_CASE("verify recognises what BOLT leaves behind")
{
    const Outcome outcome = slicepatch_tool({"verify", SAMPLE_BOLTED});
    CHECK(outcome.status == 1);
    CHECK(outcome.out.find("the table is stale: BOLT has moved the code") != std::string::npos);
    CHECK(slicepatch_tool({"dump", SAMPLE_BOLTED}).status == 0); // the sites are still there to be seen
}

TEST_CASE("verify cannot pass what it cannot read")
{
    const Outcome missing = slicepatch_tool({"verify", "/nonexistent", SAMPLE});
    CHECK(missing.status == 2);
    CHECK(missing.out.ends_with("; no finding, but not everything could be read\n"));
    Bytes bytes(SAMPLE);
    bytes.header().e_machine = EM_RISCV;
    for (const Record &record : bytes.records())
        bytes.fields(record).machine = EM_RISCV;
    const TemporaryFolder folder;
    const Outcome outcome = slicepatch_tool({"verify", bytes.write(folder)});
    CHECK(outcome.status == 2);
    CHECK(outcome.error.find("its sites cannot be verified") != std::string::npos);
}

TEST_CASE("verify says of a file without sites that it has none")
{
    const Outcome one = slicepatch_tool({"verify", "/bin/true"});
    CHECK(one.status == 0);
    CHECK(one.out == "/bin/true: no sites, and no marked code\n"
                     "0 sites in 0 objects: 0 compiled, 0 enabled, 0 off, 0 foreign; there was nothing to verify\n");
    const Outcome both = slicepatch_tool({"verify", "/bin/true", SAMPLE});
    CHECK(both.status == 0);
    CHECK(both.out.starts_with("/bin/true: no sites, "));
    CHECK(both.out.ends_with("; all is well\n"));
    CHECK(slicepatch_json({"verify", "/bin/true", SAMPLE})["without_sites"] == nlohmann::json::array({"/bin/true"}));
    CHECK(slicepatch_json({"verify", SAMPLE})["without_sites"].empty());
}
