/* SPDX-License-Identifier: MIT */
/* Sizes and offsets that objects of different ages share. Compiled as C and as C++. */
#include <slicepatch/slicepatch.h>

#include <stddef.h>
#include <stdio.h>

static int failures;

static void expect(const char *what, size_t found, size_t expected)
{
    if (found == expected)
        return;
    printf("%s is %zu, should be %zu\n", what, found, expected);
    ++failures;
}

#define SIZE(type, size) expect("sizeof " #type, sizeof(type), size)
#define OFFSET(type, member, offset) expect("offset of " #type "." #member, offsetof(type, member), offset)
#define VALUE(constant, value) expect(#constant, (size_t)(constant), value)

/* include/uapi/linux/rseq.h and prctl.h of Linux 7.0. */
static void check_kernel_abi(void)
{
    SIZE(struct slicepatch_rseq, 32);
    OFFSET(struct slicepatch_rseq, cpu_id_start, 0);
    OFFSET(struct slicepatch_rseq, cpu_id, 4);
    OFFSET(struct slicepatch_rseq, rseq_cs, 8);
    OFFSET(struct slicepatch_rseq, flags, 16);
    OFFSET(struct slicepatch_rseq, node_id, 20);
    OFFSET(struct slicepatch_rseq, mm_cid, 24);
    OFFSET(struct slicepatch_rseq, slice_request, 28);
    OFFSET(struct slicepatch_rseq, slice_granted, 29);
    VALUE(SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE, 0x10);
    VALUE(SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED, 0x20);
    VALUE(SLICEPATCH_RSEQ_FLAG_SLICE_EXT_INVARIANT, 0x40000000);
    VALUE(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, 79);
    VALUE(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET, 1);
    VALUE(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET, 2);
    VALUE(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_FEATURES, 0x40000000);
    VALUE(SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE, 1);
    VALUE(SLICEPATCH_PR_RSEQ_SLICE_EXT_INVARIANT, 0x40000000);
    VALUE(SLICEPATCH_RSEQ_FLAG_UNREGISTER, 1);
    VALUE(SLICEPATCH_RSEQ_FLAG_SLICE_EXT_DEFAULT_ON, 2);
    VALUE(SLICEPATCH_AT_RSEQ_FEATURE_SIZE, 27);
    VALUE(SLICEPATCH_AT_RSEQ_ALIGN, 28);
    VALUE(SLICEPATCH_ENOTSUPP, 524);
    VALUE(SLICEPATCH_NR_RSEQ_SLICE_YIELD, 471);
}

/* What annotated objects carry, and libraries of another age read. */
static void check_records(void)
{
    SIZE(struct slicepatch_site_record, 28);
    OFFSET(struct slicepatch_site_record, head, 0);
    OFFSET(struct slicepatch_site_record, cold, 4);
    OFFSET(struct slicepatch_site_record, taken, 8);
    OFFSET(struct slicepatch_site_record, label, 12);
    OFFSET(struct slicepatch_site_record, file, 16);
    OFFSET(struct slicepatch_site_record, line, 20);
    OFFSET(struct slicepatch_site_record, kind, 24);
    OFFSET(struct slicepatch_site_record, version, 25);
    OFFSET(struct slicepatch_site_record, machine, 26);
    VALUE(SLICEPATCH_SITE_ENTER, 1);
    VALUE(SLICEPATCH_SITE_EXIT, 2);
    VALUE(SLICEPATCH_SITE_BRANCH, 3);
    VALUE(SLICEPATCH_RECORD_VERSION, 3);
    VALUE(SLICEPATCH_RECORD_SIZE, 28);
    VALUE(SLICEPATCH_NOTE_TYPE, 1);
    VALUE(SLICEPATCH_RSEQ_OFFSET_LIBC, 0);
    VALUE(SLICEPATCH_RSEQ_OFFSET_NONE, 1);
    SIZE(struct slicepatch_note, 20);
    OFFSET(struct slicepatch_note, start, 8);
    OFFSET(struct slicepatch_note, stop, 12);
    OFFSET(struct slicepatch_note, object, 16);
    SIZE(SLICEPATCH_NOTE_NAME, 11);
    SIZE(SLICEPATCH_OBJECT_MARK, 9);
    SIZE(struct slicepatch_object_state, 40);
    OFFSET(struct slicepatch_object_state, rseq_offset, 0);
    OFFSET(struct slicepatch_object_state, yield_number, 8);
    OFFSET(struct slicepatch_object_state, enabled, 12);
    OFFSET(struct slicepatch_object_state, mark, 16);
    OFFSET(struct slicepatch_object_state, start, 24);
    OFFSET(struct slicepatch_object_state, stop, 28);
    OFFSET(struct slicepatch_object_state, counters, 32);
    OFFSET(struct slicepatch_counters, count, 0);
}

/* What programs pass to the library. */
static void check_calls(void)
{
    SIZE(struct slicepatch_options, 16);
    VALUE(SLICEPATCH_OPTIONS_SIZE_0, 16);
    VALUE(SLICEPATCH_REPORT_SIZE_MIN, offsetof(struct slicepatch_report, objects));
    OFFSET(struct slicepatch_options, size, 0);
    OFFSET(struct slicepatch_options, flags, 4);
    OFFSET(struct slicepatch_options, sites, 8);
    SIZE(struct slicepatch_report, 480);
    OFFSET(struct slicepatch_report, size, 0);
    OFFSET(struct slicepatch_report, guarantee, 4);
    OFFSET(struct slicepatch_report, objects, 8);
    OFFSET(struct slicepatch_report, sites, 12);
    OFFSET(struct slicepatch_report, enabled, 16);
    OFFSET(struct slicepatch_report, off, 20);
    OFFSET(struct slicepatch_report, compiled, 24);
    OFFSET(struct slicepatch_report, foreign, 28);
    OFFSET(struct slicepatch_report, threads_enabled, 32);
    OFFSET(struct slicepatch_report, threads_missed, 36);
    OFFSET(struct slicepatch_report, yield_number, 40);
    OFFSET(struct slicepatch_report, duration_us, 44);
    OFFSET(struct slicepatch_report, writer, 48);
    OFFSET(struct slicepatch_report, verifier, 64);
    OFFSET(struct slicepatch_report, reason, 96);
    OFFSET(struct slicepatch_report, failure, 288);
    SIZE(struct slicepatch_site_info, 64);
    OFFSET(struct slicepatch_site_info, object, 0);
    OFFSET(struct slicepatch_site_info, label, 8);
    OFFSET(struct slicepatch_site_info, file, 16);
    OFFSET(struct slicepatch_site_info, line, 24);
    OFFSET(struct slicepatch_site_info, kind, 28);
    OFFSET(struct slicepatch_site_info, state, 29);
    OFFSET(struct slicepatch_site_info, address, 32);
    OFFSET(struct slicepatch_site_info, yielded, 40);
    OFFSET(struct slicepatch_site_info, lost, 48);
    OFFSET(struct slicepatch_site_info, reached, 56);
    VALUE(SLICEPATCH_GUARANTEE_NONE, 0);
    VALUE(SLICEPATCH_GUARANTEE_THREAD, 1);
    VALUE(SLICEPATCH_GUARANTEE_SEALED, 2);
    VALUE(SLICEPATCH_GUARANTEE_PROCESS, 3);
    VALUE(SLICEPATCH_OPTIONS_SIZE_0, 16);
    VALUE(SLICEPATCH_REPORT_SIZE_MIN, 8);
    VALUE(SLICEPATCH_STRUCT_SIZE_MAX, 4096);
    VALUE(SLICEPATCH_THREADS_UNKNOWN, 4294967295);
    VALUE(SLICEPATCH_OPTION_OFF, 1);
    VALUE(SLICEPATCH_OPTION_REQUIRE, 2);
    VALUE(SLICEPATCH_OPTION_LOCK, 4);
    VALUE(SLICEPATCH_OPTION_ADOPT, 8);
    VALUE(SLICEPATCH_OPTION_LIVE, 16);
    VALUE(SLICEPATCH_OPTION_OWN_RSEQ, 32);
    VALUE(SLICEPATCH_OPTION_SEAL, 64);
    VALUE(SLICEPATCH_OPTION_COUNT, 128);
    VALUE(SLICEPATCH_STATE_COMPILED, 0);
    VALUE(SLICEPATCH_STATE_ENABLED, 1);
    VALUE(SLICEPATCH_STATE_OFF, 2);
    VALUE(SLICEPATCH_STATE_FOREIGN, 3);
}

int main(void)
{
    check_kernel_abi();
    check_records();
    check_calls();
    return failures != 0;
}
