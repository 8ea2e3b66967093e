/* SPDX-License-Identifier: MIT */
/* What C and C++ say in different words. */
#ifndef SLICEPATCH_LANGUAGE_H
#define SLICEPATCH_LANGUAGE_H

#include <slicepatch/arch.h>

#ifdef __cplusplus
#define SLICEPATCH_BEGIN_C_ extern "C" {
#define SLICEPATCH_END_C_ }
#define SLICEPATCH_STATIC_ASSERT_ static_assert
#else
#define SLICEPATCH_BEGIN_C_
#define SLICEPATCH_END_C_
#define SLICEPATCH_STATIC_ASSERT_ _Static_assert
#endif

/* Casts and null pointers that neither language warns of. */
#ifdef __cplusplus
#define SLICEPATCH_CAST_(cast, type, value) cast<type>(value)
#define SLICEPATCH_NULL_ nullptr
#else
#define SLICEPATCH_CAST_(cast, type, value) ((type)(value))
#define SLICEPATCH_NULL_ NULL
#endif

/* Without sites there is no library either: its functions do what becomes of a process that cannot have extensions. */
#if SLICEPATCH_SUPPORTED
#define SLICEPATCH_API __attribute__((__visibility__("default")))
#else
#define SLICEPATCH_API SLICEPATCH_INLINE_
#endif

#endif /* SLICEPATCH_LANGUAGE_H */
