# shellcheck shell=bash disable=SC2154 # variables of those who source this
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by build.sh: finds a kernel source, and makes the patched one beside it.
#   find_source       sets $slot, the folder of the source, and $version; fetches one where none is given or known
#   source_is_known   the same without fetching or unpacking anything; fails where that would be needed
#   patch_source      makes $slot/patched from $slot/stock and the series
#   series_is_there   checks it
#   known_packages    what Debian has of sources; fetch_package takes one of them
# A slot is $build/source/NAME: stock (a folder, or a link to the user's own), version, signature, patched, touched.

# What the series was made for. On another source a hunk that does not apply is the archive's drift.
series_base=7.3.4

status_drift=3
status_no_source=4

version_of() {
    make -s --no-print-directory -C "$1" kernelversion 2>/dev/null
}

# Names and times of a user's own tree, so that an edit makes a new kernel.
signature_of_folder() {
    (cd "$1" && find . -name .git -prune -o -type f -printf '%P %s %T@\n' | LC_ALL=C sort | sha256sum | cut -c 1-64)
}

slot_of_folder() {
    printf '%s/source/folder-%s' "$build" "$(realpath "$1" | sha256sum | cut -c 1-12)"
}

slot_of_tarball() {
    printf '%s/source/tarball-%s' "$build" "$(sha256sum <"$1" | cut -c 1-12)"
}

use_slot() {
    slot=$1
    version=$(cat "$slot/version")
}

use_folder() {
    local folder=$1
    if [ ! -f "$folder/Kconfig" ] || [ ! -f "$folder/Makefile" ]; then
        say "$folder is no kernel source: there is no Kconfig or Makefile"
        return 1
    fi
    slot=$(slot_of_folder "$folder")
    mkdir -p "$slot"
    ln -sfn "$(realpath "$folder")" "$slot/stock"
    version_of "$folder" >"$slot/version"
    signature_of_folder "$folder" >"$slot/signature"
    use_slot "$slot"
}

# unpack SLOT: a tarball on stdin. Drivers that no configuration here builds are half of the source; what their folders
# say to Kconfig and make stays.
unpack() {
    local slot=$1
    rm -rf "$slot"
    mkdir -p "$slot/partial"
    tar --extract --file - --directory "$slot/partial" --strip-components 1 \
        --exclude='*/drivers/gpu/*.[ch]' --exclude='*/drivers/media/*.[ch]' --exclude='*/sound/*.[ch]' \
        --exclude='*/drivers/net/ethernet/*.[ch]' --exclude='*/drivers/net/wireless/*.[ch]' \
        --exclude='*/arch/*/boot/dts/*.dts*'
    version_of "$slot/partial" >"$slot/version"
    basename "$slot" >"$slot/signature"
    mv "$slot/partial" "$slot/stock" # only now it is complete
}

decompress() {
    case $(head -c 4 "$1" | od -An -tx1 | tr -d ' \n') in
    fd377a58) xz -dc -T0 "$1" ;;
    1f8b*) gzip -dc "$1" ;;
    28b52ffd) zstd -dc "$1" ;;
    425a68*) bzip2 -dc "$1" ;;
    *) cat "$1" ;;
    esac
}

use_tarball() {
    local tarball=$1
    slot=$(slot_of_tarball "$tarball")
    if [ ! -d "$slot/stock" ]; then
        say "unpacking $tarball"
        decompress "$tarball" | unpack "$slot"
    fi
    use_slot "$slot"
}

# "name version" of the packages known, the oldest series first; no release candidates.
known_packages() {
    later_packages "$1" 'linux-source-7\.[0-9]+' | grep -v '~rc' | sort -V
}

# The best of them: 7.3 if there is one, else the next newer series.
choose_package() {
    known_packages "$1" | awk '{ split($1, n, "7[.]"); if (n[2] >= 3) print }' | head -n 1
}

# fetch_package ARCH NAME VERSION: sets $slot and $version.
fetch_package() {
    local arch=$1 name=$2 number=$3 folder deb
    slot=$build/source/$name-${number//[^A-Za-z0-9.]/_}
    if [ ! -d "$slot/stock" ]; then
        folder=$build/apt/source
        deb=$(later_fetch "$arch" "$name" "$number" "$folder") || return "$status_no_source"
        say "unpacking $name $number"
        dpkg-deb --fsys-tarfile "$deb" | tar --extract --to-stdout --wildcards './usr/src/*.tar.*' |
            xz -dc -T0 | unpack "$slot"
        rm -rf "$folder"
    fi
    use_slot "$slot"
}

fetch_source() {
    local arch=$1
    local package name number
    later_update "$arch" near || return "$status_no_source"
    package=$(choose_package "$arch")
    if [[ $package != linux-source-7.3\ * ]]; then
        later_update "$arch" far || return "$status_no_source"
        package=$(choose_package "$arch")
    fi
    if [ -z "$package" ]; then
        say "no later Debian release has linux-source-7.3 or newer: give one with --source"
        return "$status_no_source"
    fi
    read -r name number <<<"$package"
    fetch_package "$arch" "$name" "$number" || return
    ln -sfn "$slot" "$build/source/default"
}

find_source() {
    local given=$1 arch=$2
    if [ -d "$given" ]; then
        use_folder "$given"
    elif [ -n "$given" ]; then
        use_tarball "$given"
    elif [ -d "$build/source/default/stock" ]; then
        use_slot "$(realpath "$build/source/default")"
    else
        fetch_source "$arch"
    fi
}

source_is_known() {
    local given=$1
    if [ -d "$given" ]; then
        use_folder "$given"
        return
    fi
    slot=$build/source/default
    [ -z "$given" ] || slot=$(slot_of_tarball "$given")
    [ -d "$slot/stock" ] || return 1
    use_slot "$(realpath "$slot")"
}

series_is_there() {
    if ! compgen -G "$series/[0-9]*.patch" >/dev/null; then
        say "no patch series in $series: there is no patched kernel to build"
        return 1
    fi
}

# The series, then what is carried beside it. The cover letter has no diff.
series_patches() {
    local folder
    for folder in "$series" "$series"/*/; do
        [ ! -d "$folder" ] || find "$folder" -maxdepth 1 -name '[0-9]*.patch' | sort | xargs -r grep -l '^diff --git '
    done
}

series_hash() {
    series_patches | xargs sha256sum | cut -c 1-64 | sha256sum | cut -c 1-64
}

# Files as they are in stock again, but with the time of now: what was built of the former series' files is older.
undo_series() {
    local file
    while read -r file; do
        rm -f "$slot/patched/$file"
        if [ -f "$slot/stock/$file" ]; then
            cp "$slot/stock/$file" "$slot/patched/$file"
        fi
    done <"$slot/touched"
}

# A copy by hard links takes a second and no room. patch replaces files, so the stock ones stay as they are.
copy_stock() {
    say "copying the source for the series"
    rm -rf "$slot/patched" "$slot/copy"
    cp -al "$(realpath "$slot/stock")" "$slot/copy" 2>/dev/null || {
        rm -rf "$slot/copy"
        cp -a "$(realpath "$slot/stock")" "$slot/copy" # another file system
    }
    rm -rf "$slot/copy/.git"
    cp "$slot/signature" "$slot/copied"
    : >"$slot/touched"
    mv "$slot/copy" "$slot/patched"
}

# The hunk in question: what patch says of it, and the lines that it looked for.
name_hunk() {
    local patch=$1 log=$2
    say "$(basename "$patch") does not apply to Linux $version:"
    awk '
        /^(checking|patching) file / { file = $3 }
        /FAILED|can.t find file|malformed|already exists|Reversed/ { print "    " file ": " $0 }' "$log" >&2
    find "$slot/patched" -name '*.rej' -exec sed 's/^/    | /' {} + >&2
}

apply_patch() {
    local patch=$1
    local log=$slot/patch.log
    if LC_ALL=C patch --directory "$slot/patched" --strip 1 --forward --fuzz 0 --no-backup-if-mismatch \
        --reject-format=unified <"$patch" >"$log" 2>&1; then
        return 0
    fi
    name_hunk "$patch" "$log"
    # Half a series is nothing to build from.
    rm -rf "$slot/patched" "$slot/series"
    [ "$version" = "$series_base" ] || return "$status_drift"
    return 1
}

patch_source() {
    local hash patch
    hash=$(series_hash)
    if [ -d "$slot/patched" ] && cmp -s "$slot/series" - <<<"$hash" && cmp -s "$slot/signature" "$slot/copied"; then
        return 0
    fi
    rm -f "$slot/series"
    if [ -d "$slot/patched" ] && cmp -s "$slot/signature" "$slot/copied"; then
        undo_series
    else
        copy_stock
    fi
    # Known before the first change, so that half a series can be undone as well.
    series_patches | xargs sed -nE 's#^(---|\+\+\+) [ab]/([^\t]*).*#\2#p' | sort -u >"$slot/touched"
    for patch in $(series_patches); do
        apply_patch "$patch" || return
    done
    say "$(series_patches | wc -l) patches apply to Linux $version"
    echo "$hash" >"$slot/series"
}
