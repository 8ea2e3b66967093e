#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# build_script_test.sh ROOT: what kernel/build.sh does before it compiles anything, and kernel/rebase.sh, with
# sources of a few lines.
set -euo pipefail

root=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/expect.sh
source "$here/expect.sh"
unset SLICEPATCH_KERNEL_SOURCE
export SLICEPATCH_KERNEL_BUILD=$scratch/build

build() {
    run "$root/kernel/build.sh" "$@"
}

# make_source FOLDER VERSION: enough of a source to be patched; it configures to an error.
make_source() {
    mkdir -p "$1/kernel"
    echo 'mainmenu "none"' >"$1/Kconfig"
    printf 'kernelversion:\n\t@echo %s\n' "$2" >"$1/Makefile"
    seq 1 40 | sed 's/^/line /' >"$1/kernel/rseq.c"
}

# make_series FOLDER SED-COMMAND...: one patch for each, of the file that the ones before left.
make_series() {
    local folder=$1 number=0 edit
    shift
    mkdir -p "$folder" "$scratch/a/kernel" "$scratch/b/kernel"
    printf 'Subject: [PATCH 0/%d] rseq: a cover letter has no diff\n' $# >"$folder/0000-cover-letter.patch"
    seq 1 40 | sed 's/^/line /' >"$scratch/a/kernel/rseq.c"
    for edit in "$@"; do
        number=$((number + 1))
        sed "$edit" "$scratch/a/kernel/rseq.c" >"$scratch/b/kernel/rseq.c"
        {
            printf 'From: A Tester <tester@example.org>\nDate: Fri, 27 Nov 2026 12:00:00 +0000\n'
            printf 'Subject: [PATCH v2 %d/%d] rseq: one edit\n\nWhat it does.\n---\n' "$number" $#
            echo "diff --git a/kernel/rseq.c b/kernel/rseq.c"
            (cd "$scratch" && diff -u a/kernel/rseq.c b/kernel/rseq.c) || true
        } >"$folder/000$number-one-edit.patch"
        cp "$scratch/b/kernel/rseq.c" "$scratch/a/kernel/rseq.c"
    done
}

wrong_usage_is_refused() {
    local arguments
    for arguments in "" "--arch x86_64" "--arch mips --kernel stock" "--arch arm64 --kernel new" "--arch" \
        "--arch x86_64 --kernel stock --jobs none" "--arch x86_64 --kernel stock --source /nowhere" "--fast" \
        "--arch x86_64 --kernel stock more"; do
        # shellcheck disable=SC2086 # words
        build $arguments
        expect_status "'$arguments'" 2
        expect_err "'$arguments'" '^usage: '
        expect "'$arguments': nothing on stdout" [ ! -s "$scratch/out" ]
    done
    build --help
    expect_status "--help" 0
    expect_out "--help" '^usage: '
}

an_image_that_is_not_built_has_no_path() {
    build --arch x86_64 --kernel stock --print --source "$scratch/base"
    expect_status "--print" 1
    expect_err "--print" 'not built yet'
    expect "--print: nothing on stdout" [ ! -s "$scratch/out" ]
}

a_folder_that_is_no_source_is_named() {
    mkdir -p "$scratch/no-source"
    build --arch x86_64 --kernel stock --source "$scratch/no-source"
    expect_status "no source" 1
    expect_err "no source" 'is no kernel source'
}

a_series_that_is_not_there_is_an_error() {
    mkdir -p "$scratch/empty"
    local series
    for series in "$scratch/empty" "$scratch/missing"; do
        build --arch x86_64 --kernel patched --source "$scratch/base" --series "$series"
        expect_status "no series" 1
        expect_err "no series" "no patch series in $series"
    done
}

patched_file() {
    find "$SLICEPATCH_KERNEL_BUILD/source" -path '*/patched/kernel/rseq.c'
}

# The configuration of these sources fails, so each run ends there: after the patches.
a_series_is_applied_to_a_copy() {
    build --arch x86_64 --kernel patched --source "$scratch/base" --series "$scratch/good"
    expect_status "a good series" 1
    expect_err "a good series" '2 patches apply to Linux 7.3.4'
    expect_err "a good series" 'the configuration failed'
    expect "the copy is patched" grep -qx 'line ten' "$(patched_file)"
    expect "by the second patch too" grep -qx 'line thirty' "$(patched_file)"
    expect "the source itself is as it was" grep -qx 'line 10' "$scratch/base/kernel/rseq.c"
}

another_series_replaces_the_first() {
    touch -d '1 hour ago' "$(patched_file)"
    build --arch x86_64 --kernel patched --source "$scratch/base" --series "$scratch/other"
    expect_err "another series" '1 patches apply to Linux 7.3.4'
    expect "the other series' line" grep -qx 'line twenty' "$(patched_file)"
    expect "the first series' lines are gone" grep -qx 'line 10' "$(patched_file)"
    expect "make sees that the file is new" [ "$(find "$(patched_file)" -mmin -30)" ]
}

an_edited_source_is_patched_again() {
    sed -i 's/line 35/line thirty-five/' "$scratch/base/kernel/rseq.c"
    build --arch x86_64 --kernel patched --source "$scratch/base" --series "$scratch/other"
    expect "the edit is in the patched source" grep -qx 'line thirty-five' "$(patched_file)"
    expect "and so is the series" grep -qx 'line twenty' "$(patched_file)"
    sed -i 's/line thirty-five/line 35/' "$scratch/base/kernel/rseq.c"
}

a_hunk_that_does_not_apply_is_named() {
    make_source "$scratch/near" 7.3.4
    sed -i 's/line 29/line twenty-nine/' "$scratch/near/kernel/rseq.c"
    build --arch x86_64 --kernel patched --source "$scratch/near" --series "$scratch/good"
    expect_status "the source of the series" 1
    expect_err "the source of the series" '0002-one-edit.patch does not apply to Linux 7.3.4'
    expect_err "the source of the series" 'kernel/rseq.c: Hunk #1 FAILED at 27'
    expect_err "the source of the series" '\| -line 30'
    expect_no_err "the source of the series" '0001-one-edit.patch does not apply'
}

drift_has_an_exit_status_of_its_own() {
    make_source "$scratch/later" 7.9.1
    sed -i 's/line 29/line twenty-nine/' "$scratch/later/kernel/rseq.c"
    build --arch x86_64 --kernel patched --source "$scratch/later" --series "$scratch/good"
    expect_status "a later source" 3
    expect_err "a later source" '0002-one-edit.patch does not apply to Linux 7.9.1'
}

what_is_carried_comes_behind_the_series() {
    mkdir -p "$scratch/carrying/arm64"
    cp "$scratch/good/"*.patch "$scratch/carrying"
    cp "$scratch/other/0001-one-edit.patch" "$scratch/carrying/arm64"
    build --arch x86_64 --kernel patched --source "$scratch/base" --series "$scratch/carrying"
    expect_err "a carried patch" '3 patches apply to Linux 7.3.4'
    expect "the carried patch's line" grep -qx 'line twenty' "$(patched_file)"
    expect "the series' line" grep -qx 'line thirty' "$(patched_file)"
}

# A source whose make knows the steps that check.sh takes: its compiler warns of line 5, and of what is twenty.
make_checked_source() {
    make_source "$1" 7.3.4
    mkdir -p "$1/scripts/kconfig"
    printf '#!/bin/sh\n' >"$1/scripts/kconfig/merge_config.sh"
    chmod +x "$1/scripts/kconfig/merge_config.sh"
    cat >>"$1/Makefile" <<'TEXT'
tinyconfig:
	@printf 'CONFIG_RSEQ=y\nCONFIG_RSEQ_SLICE_EXTENSION=y\n' >$(O)/.config
olddefconfig prepare: ;
%.o:
	@sed -n '/line 5$$\|twenty/{=;p}' kernel/rseq.c | paste -d: - - | sed 's,^\([0-9]*\):,kernel/rseq.c:\1: warning: ,'
	@! grep -q 'error' kernel/rseq.c
TEXT
}

each_patch_is_checked_for_new_warnings() {
    make_checked_source "$scratch/checked"
    build --check --source "$scratch/checked" --series "$scratch/good" --configurations x86_64
    expect_status "a clean series" 0
    expect_out "a clean series" '^ok: x86_64, stock$'
    expect_out "a clean series" '^ok: x86_64, 0002-one-edit$'
    build --check --source "$scratch/checked" --series "$scratch/other" --configurations x86_64
    expect_status "a series with a warning" 1
    expect_out "a series with a warning" '^FAILED: x86_64, 0001-one-edit: new warnings$'
    expect_out "a series with a warning" 'warning: line twenty$'
    make_series "$scratch/broken" 's/line 20/error/'
    build --check --source "$scratch/checked" --series "$scratch/broken" --configurations x86_64
    expect_status "a series that does not compile" 1
    expect_out "a series that does not compile" 'it does not compile'
    build --check --source "$scratch/checked" --series "$scratch/good" --configurations x86_64-off
    expect_status "a configuration that is not what it says" 1
    expect_out "a configuration that is not what it says" 'not the configuration that it should be'
    expect "the source itself is as it was" grep -qx 'line 10' "$scratch/checked/kernel/rseq.c"
}

rebase() {
    run "$root/kernel/rebase.sh" --base "$scratch/base" --output "$scratch/rebased" "$@"
}

# Of the lines 27 to 33, which the second patch's hunk is about, one that the patch does not change.
a_patch_is_merged_with_what_changed() {
    make_source "$scratch/moved" 7.4.2
    sed -i -e '5i line between' -e 's/line 28/line twenty-eight/' "$scratch/moved/kernel/rseq.c"
    sed -i '1i Subject: based on v7.3.4.' "$scratch/good/0000-cover-letter.patch"
    build --arch x86_64 --kernel patched --source "$scratch/moved" --series "$scratch/good"
    expect_status "as it is" 3
    rebase --source "$scratch/moved" --series "$scratch/good"
    expect_status "merged" 0
    expect_out "the first patch" '^applies:  0001-one-edit.patch$'
    expect_out "the second patch" '^merged:   0002-one-edit.patch$'
    expect "the cover letter names it" grep -q 'based on v7.4.2' "$scratch/rebased/0000-cover-letter.patch"
    expect "the number is still there" grep -qx 'Subject: \[PATCH v2 2/2\] rseq: one edit' "$scratch/rebased/0002-one-edit.patch"
    expect "and what it says" grep -qx 'What it does.' "$scratch/rebased/0002-one-edit.patch"
    build --arch x86_64 --kernel patched --source "$scratch/moved" --series "$scratch/rebased"
    expect_err "the merged series" '2 patches apply to Linux 7.4.2'
}

what_is_carried_is_merged_too() {
    rebase --source "$scratch/moved" --series "$scratch/carrying"
    expect_status "a carried patch" 0
    expect "in its folder" [ -f "$scratch/rebased/arm64/0001-one-edit.patch" ]
    build --arch x86_64 --kernel patched --source "$scratch/moved" --series "$scratch/rebased"
    expect_err "the merged series" '3 patches apply to Linux 7.4.2'
}

a_conflict_is_told_and_solved_by_hand() {
    local repository
    rebase --source "$scratch/later" --series "$scratch/good"
    expect_status "a conflict" 3
    expect_out "the patch before it" '^applies:  0001-one-edit.patch$'
    expect_out "the conflict" '^conflict: 0002-one-edit.patch$'
    expect_out "theirs" '\| .*line twenty-nine$'
    expect_out "ours" '\| .*line thirty$'
    rebase --source "$scratch/later" --series "$scratch/good"
    expect_status "not solved yet" 3
    expect_err "not solved yet" 'there is an unsolved conflict in '
    repository=$(sed -n 's/.*unsolved conflict in //p' "$scratch/err")
    sed -i '/^[<=>]\{7\}/d; /^line 29$/d; /^line 30$/d' "$repository/kernel/rseq.c"
    git -C "$repository" -c user.name=x -c user.email=x@x -c core.editor=true commit -qa --no-edit
    rebase --source "$scratch/later" --series "$scratch/good"
    expect_status "solved" 0
    expect_out "solved" '^merged:   0002-one-edit.patch$'
    build --arch x86_64 --kernel patched --source "$scratch/later" --series "$scratch/rebased"
    expect_err "the solved series" '2 patches apply to Linux 7.9.1'
}

a_wrong_base_is_refused() {
    run "$root/kernel/rebase.sh" --base "$scratch/later" --source "$scratch/moved" --series "$scratch/good"
    expect_status "another Linux" 4
    expect_err "another Linux" 'is Linux 7.9.1; the series was made for 7.3.4'
    run "$root/kernel/rebase.sh" --source "$scratch/moved" --package "linux-source-7.9=1"
    expect_status "two sources" 2
    run "$root/kernel/rebase.sh" --package linux-source-7.9
    expect_status "a package without its version" 2
}

a_tarball_is_a_source() {
    tar -C "$scratch" -cJf "$scratch/base.tar.xz" base
    build --arch x86_64 --kernel patched --source "$scratch/base.tar.xz" --series "$scratch/good"
    expect_err "a tarball" '2 patches apply to Linux 7.3.4'
}

# settings PARTS-FOLDER: an apt that knows just these sources.
settings() {
    echo "Dir::Etc::sourcelist \"/dev/null\"; Dir::Etc::sourceparts \"$1\"; Dir::State \"$scratch/state\";" \
        >"$scratch/apt.conf"
    mkdir -p "$scratch/state/lists/partial"
}

mirror_and_key() {
    # A shell of its own: what is sourced there brings names of its own.
    # shellcheck disable=SC2016 # that shell's variables
    APT_CONFIG=$scratch/apt.conf bash -euo pipefail -c '
        say() { echo "$*" >&2; }
        source "$1/kernel/debian.sh"
        mirror=$(later_mirror)
        echo "$mirror $(later_key "$mirror")"' - "$root"
}

the_mirror_is_the_one_of_this_machine() {
    local codename
    if ! command -v apt-get >/dev/null; then
        echo "skipped: no apt here, so no mirror of it"
        return
    fi
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
    mkdir -p "$scratch/list.d" "$scratch/deb822.d"
    touch "$scratch/key.gpg"
    printf 'deb [signed-by=%s] http://other.invalid/security %s-security main\ndeb [arch=amd64 signed-by=%s] %s %s main\n' \
        /other.gpg "$codename" "$scratch/key.gpg" http://mirror.invalid/debian "$codename" >"$scratch/list.d/a.list"
    printf 'Types: deb\nURIs: http://other.invalid/security\nSuites: %s-security\nComponents: main\nSigned-By: /other.gpg\n\n' \
        "$codename" >"$scratch/deb822.d/a.sources"
    printf 'Types: deb\nURIs: http://mirror.invalid/debian/\nSuites: %s %s-updates\nComponents: main\nSigned-By: %s\n' \
        "$codename" "$codename" "$scratch/key.gpg" >>"$scratch/deb822.d/a.sources"
    settings "$scratch/list.d"
    run mirror_and_key
    expect_out "one-line sources" "^http://mirror.invalid/debian $scratch/key.gpg$"
    settings "$scratch/deb822.d"
    run mirror_and_key
    expect_out "deb822 sources" "^http://mirror.invalid/debian $scratch/key.gpg$"
}

make_source "$scratch/base" 7.3.4
make_series "$scratch/good" 's/line 10/line ten/' 's/line 30/line thirty/'
make_series "$scratch/other" 's/line 20/line twenty/'

wrong_usage_is_refused
an_image_that_is_not_built_has_no_path
a_folder_that_is_no_source_is_named
a_series_that_is_not_there_is_an_error
a_series_is_applied_to_a_copy
another_series_replaces_the_first
an_edited_source_is_patched_again
a_hunk_that_does_not_apply_is_named
drift_has_an_exit_status_of_its_own
what_is_carried_comes_behind_the_series
each_patch_is_checked_for_new_warnings
a_patch_is_merged_with_what_changed
what_is_carried_is_merged_too
a_conflict_is_told_and_solved_by_hand
a_wrong_base_is_refused
a_tarball_is_a_source
the_mirror_is_the_one_of_this_machine
finish
