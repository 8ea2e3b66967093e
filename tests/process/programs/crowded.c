/* SPDX-License-Identifier: MIT */
/* A program with a thousand functions, none of whose sections has a label. */
#include <slicepatch/slicepatch.h>

#include <stdio.h>

static volatile unsigned long counter;

/* clang-format off */
#define FUNCTION(number)                                                                                               \
    __attribute__((noinline)) static void function_##number(void)                                                      \
    {                                                                                                                  \
        SLICEPATCH_ENTER();                                                                                            \
        ++counter;                                                                                                     \
        SLICEPATCH_EXIT();                                                                                             \
    }
#define CALL(number) function_##number();
#define TEN(what, n) what(n##0) what(n##1) what(n##2) what(n##3) what(n##4) what(n##5) what(n##6) what(n##7) what(n##8) what(n##9)
#define HUNDRED(what, n)                                                                                               \
    TEN(what, n##0) TEN(what, n##1) TEN(what, n##2) TEN(what, n##3) TEN(what, n##4) TEN(what, n##5) TEN(what, n##6)    \
    TEN(what, n##7) TEN(what, n##8) TEN(what, n##9)
#define THOUSAND(what)                                                                                                 \
    HUNDRED(what, 1) HUNDRED(what, 2) HUNDRED(what, 3) HUNDRED(what, 4) HUNDRED(what, 5) HUNDRED(what, 6)              \
    HUNDRED(what, 7) HUNDRED(what, 8) HUNDRED(what, 9) HUNDRED(what, 0)
/* clang-format on */

THOUSAND(FUNCTION)

int main(void)
{
    struct slicepatch_report report = {.size = sizeof report};
    const int answer = slicepatch_init(NULL, &report);
    THOUSAND(CALL)
    printf("answer=%d\nsites=%u\nenabled=%u\noff=%u\ncounted=%lu\nfailure=%s\n", answer, report.sites, report.enabled,
           report.off, counter, report.failure);
    return 0;
}
