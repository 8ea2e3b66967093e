// SPDX-License-Identifier: MIT
#include "debugged.c" // the same as C++
