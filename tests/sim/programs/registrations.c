/* SPDX-License-Identifier: MIT */
/* registrations, with GLIBC_TUNABLES=glibc.pthread.rseq=0: the table of kernel/README.md, each cell in a process of its
 * own. What this thread has registered, what the process is, and what SET and GET then answer. */
#include "section.h"

#include <pthread.h>
#include <stdalign.h>
#include <string.h>
#include <sys/wait.h>

#define BOTH (BIT_ENABLE | BIT_INVARIANT)
#define UNSUPPORTED (-SLICEPATCH_ENOTSUPP)
#define RSEQ_SIGNATURE 0x53053053 /* any number, and the same each time */

enum { none = 0, legacy = 32, full = 64 }; /* bytes that are registered */
static const char *const process_names[] = {"unlocked", "locked enabled", "locked disabled"};
static const unsigned long locks[] = {0, BOTH, BIT_INVARIANT};
static const unsigned long arguments[] = {0, BIT_ENABLE, BIT_INVARIANT, BOTH};

static const struct {
    int process, registered;
    long set[4], get;
} table[] = {
    {0, none, {-ENXIO, -ENXIO, -ENXIO, -ENXIO}, 0},
    {0, legacy, {UNSUPPORTED, UNSUPPORTED, UNSUPPORTED, UNSUPPORTED}, 0},
    {0, full, {0, 0, 0, 0}, 0},
    {1, none, {-EPERM, -ENXIO, -EPERM, -ENXIO}, (long)BOTH},
    {1, legacy, {-EPERM, UNSUPPORTED, -EPERM, UNSUPPORTED}, (long)BOTH},
    {1, full, {-EPERM, 0, -EPERM, 0}, (long)BOTH},
    {2, none, {-ENXIO, -EPERM, -ENXIO, -EPERM}, (long)BIT_INVARIANT},
    {2, legacy, {UNSUPPORTED, -EPERM, UNSUPPORTED, -EPERM}, (long)BIT_INVARIANT},
    {2, full, {0, -EPERM, 0, -EPERM}, (long)BIT_INVARIANT},
};

static _Thread_local alignas(64) unsigned char area[64];

static volatile struct slicepatch_rseq *own_area(void)
{
    return (volatile struct slicepatch_rseq *)area;
}

static void change_registration(int bytes, int flags)
{
    CHECK_THAT(syscall(SYS_rseq, area, bytes, flags, RSEQ_SIGNATURE) == 0);
}

static void *lock(void *state)
{
    change_registration(full, 0);
    CHECK_THAT(slice_prctl(OPERATION_SET, *(const unsigned long *)state) == 0);
    return NULL;
}

/* By another thread, since one that had a full area may not have a legacy one any more. */
static void lock_and_register(int process, int registered)
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == -ENXIO); /* libc left it to us */
    unsigned long state = locks[process];
    pthread_t other;
    if (state)
        CHECK_THAT(pthread_create(&other, NULL, lock, &state) == 0 && pthread_join(other, NULL) == 0);
    if (registered != none)
        change_registration(registered, 0);
}

static int check_cell(size_t row, int column)
{
    lock_and_register(table[row].process, table[row].registered);
    long answer = slice_prctl(OPERATION_GET, 0), wanted = table[row].get;
    if (answer == wanted && column >= 0) {
        answer = slice_prctl(OPERATION_SET, arguments[column]);
        wanted = table[row].set[column];
    }
    /* An answer of 0 is in effect for the caller. */
    if (answer == 0 && column >= 0 && (arguments[column] & BIT_ENABLE))
        CHECK_THAT(slice_prctl(OPERATION_GET, 0) & BIT_ENABLE);
    if (answer != wanted)
        fprintf(stderr, "%s, %d bytes, column %d: %ld, not %ld\n", process_names[table[row].process],
                table[row].registered, column, answer, wanted);
    return answer != wanted;
}

/* A request of this thread's own area is granted, or not. */
static int is_granted(double seconds)
{
    for (double end = seconds_now() + seconds; seconds_now() < end;) {
        own_area()->slice_request = 1;
        spin(20000);
        own_area()->slice_request = 0;
        if (own_area()->slice_granted)
            return syscall(SLICEPATCH_NR_RSEQ_SLICE_YIELD) >= 0;
    }
    return 0;
}

static void *enable_and_wait(void *step)
{
    change_registration(full, SLICEPATCH_RSEQ_FLAG_SLICE_EXT_DEFAULT_ON);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == BIT_ENABLE);
    __atomic_store_n((int *)step, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n((int *)step, __ATOMIC_ACQUIRE) == 1)
        usleep(1000);
    return NULL;
}

/* EBUSY while some thread has it enabled; it is the last of the errors. */
static int check_busy(void)
{
    int step = 0;
    pthread_t other;
    CHECK_THAT(pthread_create(&other, NULL, enable_and_wait, &step) == 0);
    while (!__atomic_load_n(&step, __ATOMIC_ACQUIRE))
        usleep(1000);
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_INVARIANT) == -ENXIO);
    change_registration(legacy, 0);
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_INVARIANT) == UNSUPPORTED);
    change_registration(legacy, SLICEPATCH_RSEQ_FLAG_UNREGISTER);
    change_registration(full, 0);
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_INVARIANT) == -EBUSY);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 0);
    __atomic_store_n(&step, 2, __ATOMIC_RELEASE);
    CHECK_THAT(pthread_join(other, NULL) == 0);
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_INVARIANT) == 0);
    return 0;
}

/* What a registration changes, and what it does not. */
static int check_registering(void)
{
    change_registration(full, SLICEPATCH_RSEQ_FLAG_SLICE_EXT_DEFAULT_ON);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == BIT_ENABLE && is_granted(deadline_seconds));
    change_registration(full, SLICEPATCH_RSEQ_FLAG_UNREGISTER);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 0);
    change_registration(full, 0);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 0 && !is_granted(0.2));
    CHECK_THAT(slice_prctl(OPERATION_SET, BOTH) == 0 && is_granted(deadline_seconds));
    change_registration(full, SLICEPATCH_RSEQ_FLAG_UNREGISTER);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == (long)BOTH && !is_granted(0.2));
    /* Others in this thread rely on it: it is not taken away by a smaller area. */
    CHECK_THAT(syscall(SYS_rseq, area, legacy, 0, RSEQ_SIGNATURE) == -1 && errno == EPERM);
    change_registration(full, 0);
    CHECK_THAT(is_granted(deadline_seconds));
    return 0;
}

static int run_apart(int (*check)(void), size_t row, int column)
{
    pid_t child = fork();
    CHECK_THAT(child >= 0);
    if (child == 0)
        _exit(check ? check() : check_cell(row, column));
    int status = 0;
    CHECK_THAT(waitpid(child, &status, 0) == child);
    return status != 0;
}

int main(void)
{
    int wrong = 0, cells = 0;
    for (size_t row = 0; row < sizeof table / sizeof table[0]; row++)
        for (int column = -1; column < 4; column++, cells++)
            wrong += run_apart(NULL, row, column);
    CHECK_THAT(cells == 45);
    wrong += run_apart(check_busy, 0, 0);
    wrong += run_apart(check_registering, 0, 0);
    return wrong;
}
