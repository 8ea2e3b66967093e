// SPDX-License-Identifier: MIT
//
// hostile COMPARE PRINTER SAMPLE ROUNDS: copies of a program with changed bytes in its note, state, records and unwind
// table, on which the library and the program have to agree too. Prints how many of them were found wanting.
#include "patcher/tool/elf_file.h"
#include "tests/examples/command.h"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <sys/stat.h>
#include <vector>

using namespace slicepatch;
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
    const test::TemporaryFolder folder;
    const std::string path = folder.path("changed");
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
        const test::Ended ended = test::run_child({.program = argv[1], .arguments = {argv[2], path, path}});
        wanting += ended.out.find(", 0 troubles") == std::string::npos;
        if (ended.status != 0) {
            fmt::print("round {}: {}", round, ended.out);
            ++failed;
        }
    }
    fmt::print("{} of {} copies were found wanting, {} of them in two ways\n", wanting, rounds, failed);
    return failed != 0 || wanting < rounds / 4;
}
