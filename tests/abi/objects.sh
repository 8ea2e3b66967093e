#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# objects.sh gcc|clang INCLUDE-FOLDER: what the header adds to a program besides sites. No thread-local storage but one
# counter for all files that use the outermost forms, and no word on symbols of others.
set -euo pipefail
export LC_ALL=C

include=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/target.sh
source "$here/../target.sh"
use_compiler "$1"
if ! command -v "${target_cc[0]}" >/dev/null; then
    echo "skipped: no ${target_cc[0]} here"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0
checks=0

# same WHAT EXPECTED FOUND
same() {
    checks=$((checks + 1))
    if [ "$2" != "$3" ]; then
        echo "FAILED: $1: $3, should be $2"
        failures=$((failures + 1))
    fi
}

# ---- thread-local storage ----
for unit in 1 2 3; do
    cat >unit$unit.c <<C
#include <slicepatch/slicepatch.h>
void unit$unit(void);
void unit$unit(void)
{
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
#ifdef OUTERMOST
    SLICEPATCH_ENTER_OUTERMOST();
    SLICEPATCH_EXIT_OUTERMOST();
#endif
}
C
done
echo 'int main(void) { return 0; }' >main.c
echo 'void slicepatch_check_failed(const char *what, const char *file, int line) { (void)what; (void)file; (void)line; }' \
    >failed.c

# storage KIND FLAG...: bytes of thread-local storage of the three units linked.
storage() {
    "${target_cc[@]}" "${@:2}" "-I$include" unit?.c main.c failed.c "$1" -o linked
    echo $(($(readelf --segments --wide linked | awk '$1 == "TLS" { print $6 }')))
}

for level in -O0 -O2; do
    for kind in -pie -no-pie -shared; do
        pic=-fPIC
        same "storage of marks $level $kind" 0 "$(storage $kind $pic $level)"
        same "storage of outermost marks $level $kind" 4 "$(storage $kind $pic $level -DOUTERMOST)"
        same "storage of debugged marks $level $kind" 4 "$(storage $kind $pic $level -DSLICEPATCH_DEBUG)"
        same "storage of both $level $kind" 8 "$(storage $kind $pic $level -DSLICEPATCH_DEBUG -DOUTERMOST)"
    done
done

# ---- libc's symbol ----
cat >reference.c <<'C'
#include <slicepatch/slicepatch.h>
void mark(void);
void mark(void)
{
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
}
#ifdef OWN
#include <sys/rseq.h>
#include <stdio.h>
int main(void)
{
    printf("%ld\n", (long)__rseq_offset);
    return 0;
}
#endif
C
cat >plain.c <<'C'
#include <stdio.h>
#include <sys/rseq.h>
int main(void)
{
    printf("%ld\n", (long)__rseq_offset);
    return 0;
}
C
binding() {
    "${target_cc[@]}" "-I$include" -O2 "$@" -c reference.c -o reference.o
    readelf --symbols --wide reference.o | awk '$8 == "__rseq_offset" { print $5 }'
}
same "the header's own reference to libc's variable" WEAK "$(binding)"
if ! "${target_cc[@]}" -fsyntax-only plain.c 2>/dev/null; then
    echo "skipped: this libc has no <sys/rseq.h>"
    exit 77
fi
for language in c c++; do
    for pic in -fPIC -fPIE -fno-pie; do
        same "a program's own reference ($language, $pic)" GLOBAL "$(binding -DOWN -x $language $pic)"
    done
done
for linker in bfd gold lld mold; do
    for kind in "-fPIE -pie" "-fno-pie -no-pie" "-fPIE -pie -flto"; do
        read -ra flags <<<"$kind"
        # What this machine cannot link without the header either is no matter of its own.
        "${target_cc[@]}" -O2 "${flags[@]}" "-fuse-ld=$linker" plain.c -o plain 2>messages || continue
        expected=$(run ./plain)
        "${target_cc[@]}" -O2 -DOWN "${flags[@]}" "-fuse-ld=$linker" "-I$include" reference.c -o own 2>messages || {
            cat messages
            same "linking with $linker $kind" yes no
            continue
        }
        same "the value with $linker $kind" "$expected" "$(run ./own || echo "status $?")"
    done
done

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
