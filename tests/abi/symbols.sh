#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# symbols.sh NM SHARED ARCHIVE: exactly the documented symbols come out of both libraries, and nothing but libc is needed
# by either.
set -euo pipefail
export LC_ALL=C

nm=$1
shared=$2
archive=$3
failures=0

# same WHAT EXPECTED FOUND: two lists, one item a line.
same() {
    if [ "$2" != "$3" ]; then
        echo "FAILED: $1 (< expected, > found)"
        diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") || true
        failures=$((failures + 1))
    fi
}

functions=$(printf "%s\n" slicepatch_init_from slicepatch_init_from_executable slicepatch_thread_init slicepatch_get_report slicepatch_report_text \
    slicepatch_guarantee_name slicepatch_state_name slicepatch_for_each_site slicepatch_check_failed)
data=slicepatch_registration # where copies of the library find each other
interposed=$(printf '%s\n' pthread_create thrd_create)
area=slicepatch_own_area # hidden: between two members of the archive
counters=$(printf '%s\n' slicepatch_depth_ slicepatch_inside_) # one for all objects, whichever has it first

# "NAME@@VERSION", or the name alone of what has no version; the version itself is an absolute symbol, for some nm with a version too.
exported=$("$nm" -D --defined-only "$shared" | awk '$2 != "A" { print $3 }' | sort)
same "exported symbols of the shared library" \
    "$(printf '%s\n' "${functions//$'\n'/@@SLICEPATCH_0$'\n'}@@SLICEPATCH_0" "$data@@SLICEPATCH_0" "$interposed" "$counters" | sort)" "$exported"

defined=$("$nm" --defined-only --extern-only "$archive" | awk 'NF == 3 { print $3 }' | sort)
same "global symbols of the archive" "$(printf '%s\n' "$functions" "$data" "$interposed" "$area" | sort)" "$defined"

# The loader's own symbols are part of libc.
needed=$(readelf --dynamic --wide "$shared" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sed 's/\.so.*//' | sort |
    grep -v '^ld-linux-')
same "libraries that the shared library needs" libc "$needed"

soname=$(readelf --dynamic --wide "$shared" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
same "the name of the shared library" "libslicepatch.so.0" "$soname"

# A C++ runtime shows as mangled names or as names of its ABI; an unwinder would come with libgcc_s.
runtime=$("$nm" --undefined-only "$archive" | awk '{ print $2 }' | grep -E '^(_Z|__cxa_|__gxx_|_Unwind_|__dynamic_cast)' |
    grep -vx __cxa_atexit || true) # libc's own
same "references of the archive to a C++ runtime" "" "$runtime"

text_relocations=$(readelf --dynamic --wide "$shared" | grep -c TEXTREL || true)
same "relocations in the text of the shared library" 0 "$text_relocations"

writable=$(readelf --segments --wide "$shared" | awk '$1 == "LOAD" && /RWE/' | wc -l)
same "writable and executable segments" 0 "$writable"
stack=$(readelf --segments --wide "$shared" | awk '$1 == "GNU_STACK" { print $7 }')
same "the stack's permissions" RW "$stack"

[ "$failures" -eq 0 ] && echo "$(wc -l <<<"$exported") exported symbols, as documented"
[ "$failures" -eq 0 ]
