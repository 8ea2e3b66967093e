// SPDX-License-Identifier: MIT
#include "options.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <thread>

namespace wordcount {

namespace {

constexpr unsigned threads_per_cpu = 4; // so that lock holders do get preempted
constexpr unsigned max_threads = 1024;
constexpr unsigned max_number = 1'000'000'000;

/// Runs before the command line's own conversion, whose messages differ between versions and let "1e3" through.
CLI::Validator number_between(unsigned least, unsigned most)
{
    return CLI::Validator(
        [least, most](std::string &text) -> std::string {
            unsigned value = 0;
            const char *end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, value);
            if (error == std::errc() && stop == end && value >= least && value <= most)
                return {};
            return "'" + text + "' is not a number from " + std::to_string(least) + " to " + std::to_string(most);
        },
        "");
}

void describe(CLI::App &app, Options &options)
{
    app.add_option("--threads", options.threads, "Threads that count; default: 4 for each CPU")
        ->type_name("N")
        ->check(number_between(1, max_threads));
    app.add_option("--repeat", options.repeat, "Count everything N times; default: 1")
        ->type_name("N")
        ->check(number_between(1, max_number));
    app.add_option("--top", options.top, "Print the N most frequent words; default: 10")
        ->type_name("N")
        ->check(number_between(0, max_number));
    app.add_flag("--check", options.check, "After each section, check that it left nothing behind in the rseq area");
    app.add_flag("--long-section", options.long_section, "Begin with sections of 5 ms, longer than any extension");
    app.add_flag("--json", options.json, "Print everything as one JSON object");
    app.add_option("FILE", options.files, "Text files")->type_name("")->required();
    app.footer("A word is a run of ASCII letters; case does not matter; a file's end ends a word.\n"
               "Exit status: 0 done, 1 a check failed, 2 wrong usage or a file that cannot be read.\n"
               "Example: wordcount --threads 16 --repeat 50 /usr/share/common-licenses/GPL-3");
}

} // namespace

std::optional<int> parse_options(int argc, char **argv, Options &options)
{
    options.threads = std::clamp(threads_per_cpu * std::thread::hardware_concurrency(), 1U, max_threads);
    CLI::App app("Counts the words of text files in one hash map that all threads share, under annotated spinlocks.",
                 "wordcount");
    describe(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp &) {
        std::cout << app.help();
        return exit_ok;
    } catch (const CLI::ParseError &error) {
        std::cerr << "wordcount: " << error.what() << " (see wordcount --help)\n";
        return exit_usage;
    }
    return std::nullopt;
}

} // namespace wordcount
