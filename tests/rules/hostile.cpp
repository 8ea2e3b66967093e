// SPDX-License-Identifier: MIT
//
// hostile COMPARE PRINTER SAMPLE ROUNDS: copies of a program with changed bytes in its note, state, records and unwind
// table, on which the library and the program have to agree too. Prints how many of them were found wanting.
#include "patcher/tool/elf_file.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <sys/stat.h>
#include <vector>

using namespace slicepatch::tool;

namespace {

struct Range {
    std::uint64_t offset, size;
};

/// Where these sections are in the file.
std::vector<Range> ranges_of(const ElfFile &file)
{
    std::vector<Range> ranges;
    for (const ElfFile::Section &section : file.sections())
        for (const Segment &segment : file.segments())
            if ((section.name == "slicepatch_sites" || section.name == ".note.slicepatch" || section.name == ".data" ||
                 section.name == ".eh_frame_hdr") &&
                segment.type == 1 && section.address - segment.address < segment.file_size)
                ranges.push_back({segment.offset + (section.address - segment.address), section.size});
    return ranges;
}

std::string first_line(const std::string &command, int &status)
{
    std::string text;
    std::FILE *pipe = popen(command.c_str(), "r");
    if (!pipe)
        std::exit(2);
    for (int c; (c = std::fgetc(pipe)) != EOF;)
        text.push_back(static_cast<char>(c));
    status = pclose(pipe);
    return text;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    const ElfFile sample(argv[3]);
    const std::vector<Range> ranges = ranges_of(sample);
    if (ranges.size() < 4)
        return 2;
    std::ifstream input(argv[3], std::ios::binary);
    const std::string original{std::istreambuf_iterator<char>(input), {}};
    std::string folder = std::filesystem::temp_directory_path() / "slicepatch-rules-XXXXXX";
    if (!mkdtemp(folder.data()))
        return 2;
    const std::string path = folder + "/changed";
    std::mt19937 random(1); // NOLINT: the same each time
    unsigned wanting = 0, failed = 0;
    const unsigned rounds = static_cast<unsigned>(std::atoi(argv[4]));
    for (unsigned round = 0; round < rounds; ++round) {
        std::string bytes = original;
        for (unsigned change = 0; change <= round % 4; ++change) {
            const Range &range = ranges[random() % ranges.size()];
            bytes[range.offset + random() % range.size] = static_cast<char>(random());
        }
        std::ofstream(path, std::ios::binary) << bytes;
        chmod(path.c_str(), 0700);
        int status = 0;
        const std::string said = first_line(fmt::format("'{}' '{}' '{}' '{}'", argv[1], argv[2], path, path), status);
        wanting += said.find(", 0 troubles") == std::string::npos;
        if (status != 0) {
            fmt::print("round {}: {}", round, said);
            ++failed;
        }
    }
    std::filesystem::remove_all(folder);
    fmt::print("{} of {} copies were found wanting, {} of them in two ways\n", wanting, rounds, failed);
    return failed != 0 || wanting < rounds / 4;
}
