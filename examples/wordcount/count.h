// SPDX-License-Identifier: MIT
//
// Threads that count the words of all texts together, once or several times.
#ifndef WORDCOUNT_COUNT_H
#define WORDCOUNT_COUNT_H

#include "options.h"

#include <cstdint>
#include <string>
#include <vector>

namespace wordcount {

struct WordCount {
    std::string word;
    uint64_t count;
};

struct Result {
    uint64_t words = 0;           // in all files together, by the first run
    std::vector<WordCount> ranks; // each different word, the most frequent first, then in byte order
    std::vector<double> seconds;  // of each run
    unsigned wrong_run = 0;       // the first run that counted another number of words than the first one; 0: none
};

/// Uses options.threads, repeat, check and long_section.
Result count_words(const std::vector<std::string> &texts, const Options &options);

} // namespace wordcount

#endif // WORDCOUNT_COUNT_H
