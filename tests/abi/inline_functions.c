/* SPDX-License-Identifier: MIT */
/* Marks where programs have warned or failed before: in inline functions of every linkage, and beside target(...). */
#include <slicepatch/slicepatch.h>

inline int use_in_inline(int value);
extern inline int use_in_extern_inline(int value);
int use_in_target(int value);
int initialise(void);

#define USE(value) \
    do { \
        SLICEPATCH_ENTER(); \
        ++(value); \
        SLICEPATCH_EXIT(); \
        SLICEPATCH_ENTER_AS("label"); \
        SLICEPATCH_EXIT_AS("label"); \
        SLICEPATCH_ENTER_OUTERMOST(); \
        SLICEPATCH_EXIT_OUTERMOST(); \
        (value) += slicepatch_enabled() ? 1 : 2; \
    } while (0)

/* A program of another unit would define it; here it is only compiled. */
inline int use_in_inline(int value)
{
    USE(value);
    return slicepatch_init(0, 0) + value;
}

extern inline int use_in_extern_inline(int value)
{
    USE(value);
    return use_in_inline(value);
}

#ifdef TARGET
__attribute__((__target__(TARGET))) int use_in_target(int value)
{
    USE(value);
    return value;
}
#endif

/* Its address can be taken as well. */
int initialise(void)
{
    int (*const init)(const struct slicepatch_options *, struct slicepatch_report *) = slicepatch_init;
    return init(0, 0) + slicepatch_thread_init();
}
