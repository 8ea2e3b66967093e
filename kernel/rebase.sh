#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Puts the series on another Linux than the one it was made for, and says of each patch what became of it.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: kernel/rebase.sh [options]

  --source DIR|TARBALL   that Linux; without it the newest 7.x that Debian has, no release candidate
  --package NAME=VERSION one of Debian's instead, as linux-source-7.2=7.2.13-1
  --list                 prints those that there are, and ends
  --base DIR|TARBALL     the Linux that the series was made for, if it is neither in the build folder nor in the archive
  --series DIR           the patches (default: kernel/patches)
  --output DIR           a folder for the rebased series (default: rebased/VERSION of the build folder)
  --build-dir DIR        as for build.sh
  --help                 this text

Each patch is merged with what changed between the two, by git: "applies", "merged" where its surroundings changed, or
"conflict", with the lines. A conflict is left in a repository of the files that the series touches: solve it there, go on
with "git cherry-pick --continue", then run this again.
The result is for build.sh: kernel/build.sh --source DIR --series OUTPUT.

Exit status: 0 the whole series is on it, 1 failed, 2 wrong usage, 3 a conflict, 4 there is no source, or no base.
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

say() {
    echo "rebase.sh: $*" >&2
}

# shellcheck source=tests/packages.sh
source "$root/tests/packages.sh"
# shellcheck source=kernel/debian.sh
source "$here/debian.sh"
# shellcheck source=kernel/source.sh
source "$here/source.sh"

wrong_usage() {
    say "$1"
    usage >&2
    exit 2
}

read_arguments() {
    given_source='' given_package='' given_base='' output='' list=
    series=$here/patches
    build=${SLICEPATCH_KERNEL_BUILD:-$root/build-kernel}
    while [ $# -gt 0 ]; do
        case $1 in
        --help) usage && exit 0 ;;
        --list) list=yes ;;
        --source | --package | --base | --series | --output | --build-dir)
            [ $# -ge 2 ] || wrong_usage "$1 needs a value"
            case $1 in
            --source) given_source=$2 ;;
            --package) given_package=$2 ;;
            --base) given_base=$2 ;;
            --series) series=$2 ;;
            --output) output=$2 ;;
            --build-dir) build=$2 ;;
            esac
            shift
            ;;
        *) wrong_usage "unknown argument: $1" ;;
        esac
        shift
    done
    [ -z "$given_source" ] || [ -e "$given_source" ] || wrong_usage "--source: there is no $given_source"
    [ -z "$given_base" ] || [ -e "$given_base" ] || wrong_usage "--base: there is no $given_base"
    [ -z "$given_package" ] || [[ $given_package == ?*=?* ]] || wrong_usage "--package is NAME=VERSION"
    [ -z "$given_package" ] || [ -z "$given_source" ] || wrong_usage "--source or --package"
}

# The base: given, unpacked before, or still in the archive.
find_base() {
    local known package
    if [ -n "$given_base" ]; then
        find_source "$given_base" amd64 || return
    else
        known=$(grep -lxF "$series_base" "$build"/source/linux-source-*/version 2>/dev/null | head -n 1) || true
        if [ -n "$known" ]; then
            use_slot "$(dirname "$known")"
        else
            later_update amd64 far || return "$status_no_source"
            package=$(known_packages amd64 | grep -F " $series_base-" | head -n 1) || true
            if [ -z "$package" ]; then
                say "the archive has no Linux $series_base, which the series was made for: give one with --base"
                return "$status_no_source"
            fi
            fetch_package amd64 "${package% *}" "${package#* }" || return
        fi
    fi
    if [ "$version" != "$series_base" ]; then
        say "$given_base is Linux $version; the series was made for $series_base"
        return "$status_no_source"
    fi
    base=$slot
}

find_target() {
    local package
    if [ -n "$given_source" ]; then
        find_source "$given_source" amd64 || return
    elif [ -n "$given_package" ]; then
        later_update amd64 far || return "$status_no_source"
        fetch_package amd64 "${given_package%%=*}" "${given_package#*=}" || return
    else
        later_update amd64 far || return "$status_no_source"
        package=$(known_packages amd64 | tail -n 1)
        [ -n "$package" ] || { say "no later Debian release has a linux-source-7.x: give one with --source" && return "$status_no_source"; }
        fetch_package amd64 "${package% *}" "${package#* }" || return
    fi
    target=$slot
}

touched_files() {
    series_patches | xargs sed -nE 's#^(---|\+\+\+) [ab]/([^\t]*).*#\2#p' | sort -u
}

in_repository() {
    git -C "$repository" -c core.autocrlf=false -c advice.mergeConflict=false "$@"
}

# commit_files SLOT MESSAGE: the touched files as they are there.
commit_files() {
    local file
    in_repository rm -rfq --ignore-unmatch . &&
        while read -r file; do
            [ ! -f "$1/stock/$file" ] || install -D -m "$(stat -c %a "$1/stock/$file")" "$1/stock/$file" "$repository/$file"
        done < <(touched_files) &&
        in_repository add --all &&
        in_repository commit -q --allow-empty -m "$2"
}

# Branches: base and series, which is the patches on it; and rebased, which begins with the other Linux.
make_repository() {
    local patch
    rm -rf "$repository"
    mkdir -p "$repository"
    in_repository init -q
    in_repository config user.name rebase.sh
    in_repository config user.email rebase.sh@localhost
    in_repository checkout -q -b base
    commit_files "$base" "Linux $series_base"
    in_repository checkout -q -b series
    for patch in $(series_patches); do
        in_repository am -q --keep-cr <"$patch" >"$repository.log" 2>&1 || {
            sed 's/^/    /' "$repository.log" >&2
            say "$(basename "$patch") does not apply to Linux $series_base, which the series was made for"
            return 1
        }
    done
    in_repository checkout -q -b rebased base
    commit_files "$target" "Linux $version"
    in_repository tag start
}

show_conflict() {
    in_repository diff --diff-filter=U | grep -E '^(diff|@@|[ +-]{2}|\+\+\+)' | sed 's/^/    | /'
    say "solve it in $repository, then: git cherry-pick --continue, and this once more"
}

# The patch as it was and as it is now, without line numbers and hashes: equal where nothing around it changed.
same_patch() {
    cmp -s <(in_repository show --format= "$1" | sed -E '/^index /d; s/^@@ .*//') \
        <(in_repository show --format= "$2" | sed -E '/^index /d; s/^@@ .*//')
}

pick_patches() {
    local patches commits finished number
    readarray -t patches < <(series_patches)
    readarray -t commits < <(in_repository rev-list --reverse base..series)
    if [ -e "$repository/.git/CHERRY_PICK_HEAD" ]; then
        say "there is an unsolved conflict in $repository"
        return "$status_drift"
    fi
    finished=$(in_repository rev-list --count start..rebased)
    for ((number = 0; number < ${#patches[@]}; number++)); do
        if ((number >= finished)) && ! in_repository cherry-pick --allow-empty "${commits[number]}" >"$repository.log" 2>&1; then
            echo "conflict: $(basename "${patches[number]}")"
            show_conflict
            return "$status_drift"
        fi
        if same_patch "${commits[number]}" "$(in_repository rev-list --reverse start..rebased | sed -n "$((number + 1))p")"; then
            echo "applies:  $(basename "${patches[number]}")"
        else
            echo "merged:   $(basename "${patches[number]}")"
        fi
    done
}

# In the same folders and by the same names; the cover letter with the other version.
write_series() {
    local patches commits number file
    readarray -t patches < <(series_patches)
    readarray -t commits < <(in_repository rev-list --reverse start..rebased)
    rm -rf "$output"
    mkdir -p "$output"
    output=$(cd "$output" && pwd)
    for ((number = 0; number < ${#patches[@]}; number++)); do
        file=$output/$(realpath --relative-to "$series" "${patches[number]}")
        mkdir -p "$(dirname "$file")"
        # The subject's prefix is what the patch had.
        in_repository format-patch -1 --stdout --keep-subject "${commits[number]}" >"$file"
        sed -i "0,/^Subject: /{s/^Subject: /Subject: $(subject_prefix "${patches[number]}")/}" "$file"
    done
    for file in "$series"/0000*; do
        [ ! -f "$file" ] || sed "s/v${series_base//./[.]}/v$version/" "$file" >"$output/$(basename "$file")"
    done
    echo "the series for Linux $version: $output"
}

subject_prefix() {
    sed -nE '0,/^Subject: /s#^Subject: (\[[^]]*\] ).*#\1#p' "$1" | sed 's#/#\\/#g'
}

main() {
    read_arguments "$@"
    mkdir -p "$build"
    build=$(cd "$build" && pwd)
    if [ -n "$list" ]; then
        later_update amd64 far
        known_packages amd64
        return
    fi
    series_is_there || exit 1
    ensure_packages git make patch xz-utils >&2
    find_base || return
    find_target || return
    output=${output:-$build/rebased/$version}
    repository=$build/rebase/$(basename "$target")-$(cat "$target/signature" <(series_hash) | sha256sum | cut -c 1-12)
    [ -d "$repository" ] && in_repository rev-parse -q --verify start >/dev/null || make_repository || return
    pick_patches || return
    write_series
}

main "$@"
