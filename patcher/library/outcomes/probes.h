// SPDX-License-Identifier: MIT
//
// Probes for tracers, where the library is built with them (SLICEPATCH_USDT): slicepatch:yield as a granted slice is given
// back at an EXIT that counts, slicepatch:lost where it was gone by then. Their arguments: the site's address, its label
// or else its file as a string, and its line. A no-op and a note each, until somebody attaches
// (https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation).
#ifndef SLICEPATCH_OUTCOME_PROBES_H
#define SLICEPATCH_OUTCOME_PROBES_H

#ifdef SLICEPATCH_USDT
#include <sys/sdt.h>
#define SLICEPATCH_PROBE(probe, entry) DTRACE_PROBE3(slicepatch, probe, (entry).head, (entry).name, (entry).line)
#else
#define SLICEPATCH_PROBE(probe, entry) ((void)(entry))
#endif

#endif
