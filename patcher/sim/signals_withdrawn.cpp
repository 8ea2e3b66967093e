// SPDX-License-Identifier: MIT
//
// As signals.cpp, for functions of BSD and System V that POSIX has withdrawn: this file may name what is deprecated.
#include "masks.h"
#include "next.h"
#include "reserved.h"

using namespace slicepatch::sim;

SLICEPATCH_SIM_FIND(sigblock);
SLICEPATCH_SIM_FIND(sighold);
SLICEPATCH_SIM_FIND(sigignore);
SLICEPATCH_SIM_FIND(siginterrupt);
SLICEPATCH_SIM_FIND(sigrelse);
SLICEPATCH_SIM_FIND(sigset);
SLICEPATCH_SIM_FIND(sigsetmask);

SLICEPATCH_SIM_EXPORT int siginterrupt(int number, int flag)
{
    return is_reserved(number) ? 0 : SLICEPATCH_SIM_NEXT(siginterrupt)(number, flag);
}

// The old masks of 32 signals: SIGSYS is the only reserved one among them.
static constexpr int sigsys_bit = 1 << (SIGSYS - 1);

SLICEPATCH_SIM_EXPORT int sigblock(int mask) noexcept
{
    return SLICEPATCH_SIM_NEXT(sigblock)(mask & ~sigsys_bit);
}

SLICEPATCH_SIM_EXPORT int sigsetmask(int mask) noexcept
{
    return SLICEPATCH_SIM_NEXT(sigsetmask)(mask & ~sigsys_bit);
}

SLICEPATCH_SIM_EXPORT int sighold(int number) noexcept
{
    return is_reserved(number) ? 0 : SLICEPATCH_SIM_NEXT(sighold)(number);
}

SLICEPATCH_SIM_EXPORT int sigrelse(int number) noexcept
{
    return is_reserved(number) ? 0 : SLICEPATCH_SIM_NEXT(sigrelse)(number);
}

SLICEPATCH_SIM_EXPORT int sigignore(int number) noexcept
{
    return is_reserved(number) ? 0 : SLICEPATCH_SIM_NEXT(sigignore)(number);
}

SLICEPATCH_SIM_EXPORT SignalHandler sigset(int number, SignalHandler handler) noexcept
{
    return is_reserved(number) ? pretend_handler(number, handler, 0) : SLICEPATCH_SIM_NEXT(sigset)(number, handler);
}
