/* SPDX-License-Identifier: MIT */
/*
 * What is live in registers across the marks survives them: as many values of each class as there are registers, loaded
 * before ENTER and looked at after EXIT. The classes that the compiler was told of, as by -march=native.
 */
#include <slicepatch/slicepatch.h>

#include <stdio.h>
#include <string.h>

static int losses;

/* How 16 values of a type stay in registers, if there are that many: 8 fit into the x87 stack, less one for work. */
#define LOAD(type, from, n) const type v##n = from[n]
#define KEPT(type, from, n) \
    do { \
        if (!same_##type(v##n, from[n])) \
            ++losses, printf("lost: " #type " %d\n", n); \
    } while (0)
/* clang-format off */
#define SIX(what, type, from) \
    what(type, from, 0); what(type, from, 1); what(type, from, 2); what(type, from, 3); what(type, from, 4); \
    what(type, from, 5)
#define FOURTEEN(what, type, from) \
    SIX(what, type, from); what(type, from, 6); what(type, from, 7); what(type, from, 8); what(type, from, 9); \
    what(type, from, 10); what(type, from, 11); what(type, from, 12); what(type, from, 13)
/* clang-format on */

#define TEST(name, type, count, value) \
    static volatile type name##_source[14]; \
    __attribute__((noinline)) static void name(void) \
    { \
        for (int i = 0; i < 14; ++i) \
            name##_source[i] = (type)(value); \
        count(LOAD, type, name##_source); \
        SLICEPATCH_ENTER(); \
        SLICEPATCH_ENTER_OUTERMOST_AS("nested"); \
        SLICEPATCH_EXIT_OUTERMOST_AS("nested"); \
        SLICEPATCH_EXIT(); \
        if (slicepatch_enabled()) \
            puts("enabled"); \
        count(KEPT, type, name##_source); \
    }

typedef long double extended;
typedef double pair __attribute__((vector_size(16)));
typedef double four __attribute__((vector_size(32)));
typedef double eight __attribute__((vector_size(64)));

/* By value: what has an address would not be in a register. */
/* clang-format off */
#define SAME_SCALAR(type) \
    static int same_##type(type a, type b) { return a == b; }
#define SAME_VECTOR(type) \
    static int same_##type(type a, type b) { return !memcmp(&a, &b, sizeof a); }
/* clang-format on */
SAME_SCALAR(long)
SAME_SCALAR(double)
SAME_SCALAR(extended)
SAME_VECTOR(pair)
#ifdef __AVX__
SAME_VECTOR(four)
#endif
#ifdef __AVX512F__
SAME_VECTOR(eight)
#endif

TEST(whole_numbers, long, FOURTEEN, i + 1)
TEST(floating_point, double, FOURTEEN, i + 0.5)
TEST(x87_or_quad, extended, SIX, (extended)i + 0.5L)
TEST(vectors_of_16, pair, FOURTEEN, ((pair){i + 1.0, i + 2.0}))
#ifdef __AVX__
TEST(vectors_of_32, four, FOURTEEN, ((four){i + 1.0, i + 2.0, i + 3.0, i + 4.0}))
#endif
#ifdef __AVX512F__
TEST(vectors_of_64, eight, FOURTEEN, ((eight){i + 1.0, i + 2.0, i + 3.0, i + 4.0, i + 5.0, i + 6.0, i + 7.0, i + 8.0}))

/* Masks have registers, and no type that a compiler would keep in them by itself. */
__attribute__((noinline)) static void masks(void)
{
    unsigned short one = 0x1234, two = 0x4321;
    __asm__("" : "+k"(one), "+k"(two));
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
    __asm__("" : "+k"(one), "+k"(two));
    if (one != 0x1234 || two != 0x4321)
        ++losses, puts("lost: a mask");
}
#endif

/* A sum that a loop keeps where it adds. */
__attribute__((noinline)) static void sums(void)
{
    static volatile long double addend = 2.5L;
    long double sum = 0;
    for (int i = 0; i < 10; ++i) {
        SLICEPATCH_ENTER();
        sum += addend;
        SLICEPATCH_EXIT();
    }
    if (sum != 25.0L)
        ++losses, puts("lost: a sum");
}

/* What a comparison left in the flags, which a mark between it and its use must not change. */
__attribute__((noinline)) static int compare(long a, long b)
{
    const int less = a < b, equal = a == b;
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
    return less ? 1 : equal ? 2 : 3;
}

int main(void)
{
    whole_numbers();
    floating_point();
    x87_or_quad();
    vectors_of_16();
#ifdef __AVX__
    vectors_of_32();
#endif
#ifdef __AVX512F__
    vectors_of_64();
    masks();
#endif
    sums();
    if (compare(1, 2) != 1 || compare(2, 2) != 2 || compare(3, 2) != 3)
        ++losses, puts("lost: flags");
    return losses != 0;
}
