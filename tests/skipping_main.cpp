// SPDX-License-Identifier: MIT
//
// For test programs whose cases may skip(): doctest has no word for that.
#define DOCTEST_CONFIG_IMPLEMENT
#include "skip.h"

#include <doctest/doctest.h>

int main(int count, char **words)
{
    doctest::Context context(count, words);
    const int answer = context.run();
    return answer == 0 && slicepatch::test::skips ? slicepatch::test::skipped_status : answer;
}
