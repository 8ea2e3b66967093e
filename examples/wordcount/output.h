// SPDX-License-Identifier: MIT
//
// The result as text or as JSON.
#ifndef WORDCOUNT_OUTPUT_H
#define WORDCOUNT_OUTPUT_H

#include "checked_lock.h"
#include "count.h"
#include "options.h"

#include <slicepatch/slicepatch.h>

namespace wordcount {

struct Outcome {
    Result result;
    CheckCounts check;
    slicepatch_report report;
};

void print_text(const Options &options, const Outcome &outcome);
void print_json(const Options &options, const Outcome &outcome);

} // namespace wordcount

#endif // WORDCOUNT_OUTPUT_H
