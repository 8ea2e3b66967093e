// SPDX-License-Identifier: MIT
//
// wordcount: counts the words of real files with more threads than CPUs. Read word_map.h for the annotated section.
#include "count.h"
#include "options.h"
#include "output.h"
#include "text.h"

#include <slicepatch/slicepatch.h>

#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

namespace wordcount {

namespace {

/// Before anything else, because while there is one thread, all sites can be rewritten everywhere.
bool init_slicepatch(slicepatch_report &report)
{
    report = {};
    report.size = sizeof report;
    if (slicepatch_init(nullptr, &report) == 0)
        return true;
    std::fprintf(stderr, "wordcount: slicepatch: %s%s%s\n", report.reason, report.failure[0] != '\0' ? "; " : "",
                 report.failure);
    return false;
}

std::vector<std::string> read_files(const std::vector<std::string> &paths)
{
    std::vector<std::string> texts;
    for (const std::string &path : paths)
        texts.push_back(read_file(path));
    return texts;
}

int finish(const Options &options, const Outcome &outcome)
{
    if (options.json)
        print_json(options, outcome);
    else
        print_text(options, outcome);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        std::perror("wordcount: standard output");
        return exit_failure;
    }
    if (outcome.result.wrong_run != 0) {
        std::fprintf(stderr, "wordcount: run %u counted another number of words than run 1\n",
                     outcome.result.wrong_run);
        return exit_failure;
    }
    if (!outcome.check.clean()) {
        const CheckCounts &check = outcome.check;
        std::fprintf(
            stderr, "wordcount: check failed: %llu requests left, %llu grants left, %llu yields while holding\n",
            static_cast<unsigned long long>(check.requests_left), static_cast<unsigned long long>(check.grants_left),
            static_cast<unsigned long long>(check.yields_while_holding));
        return exit_failure;
    }
    return exit_ok;
}

int run(int argc, char **argv)
{
    Outcome outcome;
    Options options;
    if (const std::optional<int> status = parse_options(argc, argv, options))
        return *status;
    if (!init_slicepatch(outcome.report))
        return exit_failure;
    std::vector<std::string> texts;
    try {
        texts = read_files(options.files);
    } catch (const std::system_error &error) {
        std::fprintf(stderr, "wordcount: %s\n", error.what());
        return exit_usage;
    }
    outcome.result = count_words(texts, options);
    outcome.check = check_counts();
    outcome.report.size = sizeof outcome.report;
    (void)slicepatch_get_report(&outcome.report); // with the threads counted up to now; its only error is a wrong size
    return finish(options, outcome);
}

} // namespace

} // namespace wordcount

int main(int argc, char **argv)
{
    try {
        return wordcount::run(argc, argv);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "wordcount: %s\n", error.what());
        return wordcount::exit_failure;
    }
}
