/* SPDX-License-Identifier: MIT */
/* Compiled with SLICEPATCH_DISABLE, or by a compiler without sites, and linked with nothing: what each function answers. */
#include <slicepatch/slicepatch.h>

#include <stdio.h>
#include <string.h>

SLICEPATCH_INIT_AT_START();

static int failures;

static void expect(const char *what, int holds)
{
    if (holds)
        return;
    printf("not so: %s\n", what);
    ++failures;
}

static void ask_for_reports(void)
{
    const char *const reason = SLICEPATCH_DISABLED_REASON_;
    struct slicepatch_report report;
    memset(&report, 1, sizeof report);
    report.size = sizeof report;
    expect("init succeeds", slicepatch_init(0, &report) == 0);
    expect("the guarantee is none", report.guarantee == SLICEPATCH_GUARANTEE_NONE && report.sites == 0);
    expect("init gives the reason", strcmp(report.reason, reason) == 0 && report.failure[0] == 0);
    char text[200];
    const size_t length = slicepatch_report_text(&report, text, sizeof text);
    expect("the text has it", length == strlen(text) && strstr(text, reason));
    expect("a short text is cut", slicepatch_report_text(&report, text, 5) == length && strcmp(text, "slic") == 0);
    report.size = offsetof(struct slicepatch_report, reason) + 4;
    memset(report.reason, 1, sizeof report.reason);
    expect("a short report is filled", slicepatch_get_report(&report) == 0);
    expect("its text is terminated", strcmp(report.reason, "com") == 0 && report.reason[4] == 1);
    report.size = 1;
    expect("a report without room is refused", slicepatch_get_report(&report) == -22);
}

static void ask_for_options(void)
{
    struct slicepatch_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    expect("options succeed", slicepatch_init(&options, 0) == 0);
    options.flags = SLICEPATCH_OPTION_REQUIRE;
    expect("what is required cannot be had", slicepatch_init(&options, 0) == -1);
    options.size = 1;
    expect("options without a size are refused", slicepatch_init(&options, 0) == -22);
}

int main(void)
{
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
    expect("nothing is enabled", !slicepatch_enabled());
    ask_for_reports();
    ask_for_options();
    expect("guarantees have names", strcmp(slicepatch_guarantee_name(SLICEPATCH_GUARANTEE_PROCESS), "process") == 0 &&
                                        strcmp(slicepatch_guarantee_name(-1), "unknown") == 0);
    expect("states have names", strcmp(slicepatch_state_name(SLICEPATCH_STATE_FOREIGN), "foreign") == 0 &&
                                    strcmp(slicepatch_state_name(4), "unknown") == 0);
    expect("threads are as they were", slicepatch_thread_init() == 0);
    expect("there are no sites", slicepatch_for_each_site(0, 0) == 0);
    return failures != 0;
}
