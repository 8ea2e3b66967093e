// SPDX-License-Identifier: MIT
//
// The samples (samples/sample.c): what is in them, copies of them with changed bytes, and a running one.
#ifndef SLICEPATCH_TESTS_TOOL_SAMPLE_H
#define SLICEPATCH_TESTS_TOOL_SAMPLE_H

#include "command.h"

#include "arch/backend.h"
#include "patcher/tool/elf_file.h"

#include <slicepatch/site.h>

#include <nlohmann/json.hpp>

#include <elf.h>
#include <sys/types.h>

namespace slicepatch::test {

inline constexpr std::size_t sample_sites = 5;     // two pairs and a branch
inline constexpr std::int64_t sample_offset = -68; // where enabled() puts the request byte

/// What the samples are compiled for.
const Backend &sample_backend();

/// One record of a file.
struct Record {
    std::uint64_t address; // link-time; its distances count from its fields
    slicepatch_site_record fields;

    /// What a distance field names; 0 for none.
    [[nodiscard]] std::uint64_t named_by(std::int32_t slicepatch_site_record::*field) const;
};

/// An ELF file in memory, to be changed by address and written elsewhere.
class Bytes {
public:
    explicit Bytes(const std::string &path);

    [[nodiscard]] const std::vector<std::uint8_t> &all() const
    {
        return bytes_;
    }
    [[nodiscard]] Elf64_Ehdr &header();
    [[nodiscard]] Elf64_Phdr &program_header(std::size_t index);
    /// The first one of a type; fails the test if there is none.
    [[nodiscard]] Elf64_Phdr &program_header_of(std::uint32_t type);
    /// The byte that is loaded at this address.
    [[nodiscard]] std::uint8_t *at(std::uint64_t address);
    /// The address that this part of it is loaded at.
    [[nodiscard]] std::uint64_t address_of(const void *part);

    [[nodiscard]] const std::vector<Record> &records() const
    {
        return records_;
    }
    /// The first site of a kind, by label ("" for none).
    [[nodiscard]] const Record &find(Kind kind, const std::string &label = "sample.lock") const;
    [[nodiscard]] slicepatch_site_record &fields(const Record &record);
    [[nodiscard]] slicepatch_note &note();
    [[nodiscard]] slicepatch_object_state &state();
    /// Writes a form over a site.
    void put(const Record &record, State state, std::int64_t slice_ctrl = sample_offset);
    /// Makes a distance field name an address.
    void point(const Record &record, std::int32_t slicepatch_site_record::*field, std::uint64_t address);

    /// A file with these bytes.
    [[nodiscard]] std::string write(const TemporaryFolder &folder, const std::string &name = "changed") const;

private:
    std::vector<std::uint8_t> bytes_;
    std::vector<Record> records_;
    std::vector<std::string> labels_;
};

/// Runs `slicepatch ...`.
Outcome slicepatch_tool(std::vector<std::string> arguments);
/// The same, with what it prints as JSON.
nlohmann::json slicepatch_json(std::vector<std::string> arguments);

/// Number of the line of the sample's source that holds this text.
unsigned sample_line(const std::string &text);

std::string hexadecimal(std::uint64_t address);

/// A sample that waits to be looked at until this goes.
class RunningSample {
public:
    explicit RunningSample(const std::vector<std::string> &command);

    /// The process that has the sites, which said so, and what chooses() answered.
    [[nodiscard]] pid_t pid() const
    {
        return said_pid_;
    }
    [[nodiscard]] bool chose() const
    {
        return chose_;
    }
    /// Lets it end, and collects it.
    void end()
    {
        (void)process_.end();
    }

private:
    Running process_;
    pid_t said_pid_ = 0;
    bool chose_ = false;
};

} // namespace slicepatch::test

#endif
