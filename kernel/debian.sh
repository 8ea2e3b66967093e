# shellcheck shell=bash disable=SC2154 # variables of those who source this
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by build.sh and vm.sh: packages of later Debian releases, without touching this machine's own packages.
#   later_packages ARCH PATTERN    "name version" of each package whose name matches, best version of each
#   later_fetch ARCH NAME [VERSION] FOLDER    downloads one .deb into a folder and prints its path
# ARCH is Debian's name of an architecture. Needs $build, and say() from the one who sources this.
#
# The mirror, its key, and how to reach it (proxies and the like) are those of this machine's own apt. Lists, downloads
# and preferences are private, under $build/apt, so nothing here needs root, and no other program sees it.

# The nearest first: most is found there, and each release is tens of megabytes of lists.
later_releases_near="trixie trixie-backports"
later_releases_far="forky sid experimental"

# The archive that this machine gets its own release from. --print-uris reads both formats of sources and needs no
# lists.
later_mirror() {
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
    apt-get update --print-uris 2>/dev/null |
        sed -nE "s#^'(.*)/dists/(${codename:-none}|stable|oldstable|testing|unstable|sid)/(InRelease|Release)' .*#\1#p" |
        sed -n 1p
}

# The key that the machine's own sources name for that mirror, else Debian's; without either, apt's trusted ones.
later_key() {
    local mirror=$1 key folder
    eval "$(apt-config shell folder Dir::Etc::sourceparts/d)"
    # Each line of the one format becomes a stanza like those of the other.
    key=$({
        cat "${folder%/}"/*.sources 2>/dev/null || true
        echo
        sed 'G' "${folder%/}"/*.list "${folder%/}/../sources.list" 2>/dev/null || true
    } |
        awk -v mirror="$mirror" '
            BEGIN { RS = "" }
            index($0, mirror) && match($0, /[Ss]igned-[Bb]y[:=][ \t]*\/[^] \t\n]+/) {
                print substr($0, RSTART + 10, RLENGTH - 10)
                exit
            }' | tr -d ' \t')
    [ -n "$key" ] || key=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$key" ] || key=
    printf '%s' "$key"
}

# Written last of all settings (apt-get -c), so that the machine's own stay except where they name places. What the
# machine has run after an update or download would be run for its own state: cleared.
later_write_settings() {
    local folder=$1 arch=$2
    mkdir -p "$folder"/{lists/partial,cache/archives/partial,sources,preferences}
    : >"$folder/status"
    cat >"$folder/apt.conf" <<TEXT
Dir::State "$folder";
Dir::State::lists "$folder/lists";
Dir::State::status "$folder/status";
Dir::State::extended_states "$folder/extended_states";
Dir::Cache "$folder/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$folder/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$folder/preferences";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
#clear APT::Default-Release;
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
TEXT
}

later_write_sources() {
    local folder=$1 mirror=$2 key=$3 release
    shift 3
    for release in "$@"; do
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$mirror" "$release"
        [ -z "$key" ] || printf 'Signed-By: %s\n' "$key"
        echo
    done >"$folder/sources/later.sources"
}

# later_update ARCH REACH: lists of the near releases, or of all. One that this mirror lacks is no error: what counts is
# whether the package is found.
later_update() {
    local arch=$1 reach=$2 mirror
    local folder=$build/apt/$arch
    local releases="$later_releases_near"
    [ "$reach" = near ] || releases="$releases $later_releases_far"
    [ ! -f "$folder/have-$reach" ] && [ ! -f "$folder/have-far" ] || return 0
    mirror=$(later_mirror)
    if [ -z "$mirror" ]; then
        say "this machine's apt names no mirror of Debian to ask for later releases"
        return 1
    fi
    later_write_settings "$folder" "$arch"
    # shellcheck disable=SC2086 # a list of words
    later_write_sources "$folder" "$mirror" "$(later_key "$mirror")" $releases
    say "lists of later Debian releases ($arch):" "$releases"
    apt-get -c "$folder/apt.conf" -qq update >"$folder/update.log" 2>&1 || true
    if ! compgen -G "$folder/lists/*_Packages*" >/dev/null; then
        say "no list could be fetched:"
        sed 's/^/    /' "$folder/update.log" >&2
        return 1
    fi
    touch "$folder/have-$reach"
}

later_packages() {
    local arch=$1 pattern=$2
    local settings=$build/apt/$arch/apt.conf
    [ -f "$settings" ] || return 0
    apt-cache -c "$settings" pkgnames "${pattern%%[^a-z0-9.-]*}" | grep -Ex "$pattern" | sort -V |
        while read -r name; do
            apt-cache -c "$settings" madison "$name" | awk -F ' *[|] *' -v name="$name" 'NR == 1 { print name, $2 }' |
                tr -s ' '
        done
}

later_fetch() {
    local arch=$1 name=$2 version=$3 folder=$4
    local wanted=$name
    [ -z "$version" ] || wanted="$name=$version"
    mkdir -p "$folder"
    say "fetching $wanted ($arch)"
    if ! (cd "$folder" && apt-get -c "$build/apt/$arch/apt.conf" -qq download "$wanted" >fetch.log 2>&1); then
        sed 's/^/    /' "$folder/fetch.log" >&2
        rm -f "$build/apt/$arch"/have-* # perhaps the lists are old: the next try renews them
        return 1
    fi
    find "$folder" -maxdepth 1 -name "${name}_*.deb" -print -quit
}
