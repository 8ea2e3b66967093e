// SPDX-License-Identifier: MIT
#include "section.h"

extern "C" long early_result();

int main()
{
    CHECK_THAT(early_result() == 0);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 1);
    run_until_yields(5);
    return 0;
}
