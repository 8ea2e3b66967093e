#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds a small kernel with time slice extensions, stock or with the series of kernel/patches. All it says goes to
# stderr; the one line on stdout is the path of the image.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: kernel/build.sh --arch x86_64|arm64 --kernel stock|patched [options]
       kernel/build.sh --check [options]    compiles each patch in every configuration; check.sh says more

  --source DIR|TARBALL   the kernel source; without it Linux 7.3, else the next newer 7.x, from a later Debian release
  --series DIR           the patches (default: kernel/patches)
  --debug                lockdep, KASAN, sleeping-in-atomic and rseq checks
  --kcsan                the kernel's detector of data races; it excludes KASAN, so it is another kernel
  --build-dir DIR        everything is kept there (default: $SLICEPATCH_KERNEL_BUILD, else build-kernel/ of the project)
  --jobs N               compilers at once (default: as many as CPUs)
  --print                only print the path of the image; fails where it is not built yet
  --help                 this text

An image is kept under a hash of source, series and configuration, and built only once. $SLICEPATCH_KERNEL_SOURCE is a
default for --source. About 7 minutes on 2 cores; fetching the source, 165 MB, comes on top.

Exit status: 0 the image's path is the last line, 1 failed, 2 wrong usage, 3 the series does not apply and the source is
not the one it was made for, 4 there is no source.
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

say() {
    echo "build.sh: $*" >&2
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
    arch='' kernel='' debug='' print_only=''
    given_source=${SLICEPATCH_KERNEL_SOURCE-}
    series=$here/patches
    build=${SLICEPATCH_KERNEL_BUILD:-$root/build-kernel}
    jobs=$(nproc)
    while [ $# -gt 0 ]; do
        case $1 in
        --help) usage && exit 0 ;;
        --debug | --kcsan) debug=${1#-} ;;
        --print) print_only=yes ;;
        --arch | --kernel | --source | --series | --build-dir | --jobs)
            [ $# -ge 2 ] || wrong_usage "$1 needs a value"
            case $1 in
            --arch) arch=$2 ;;
            --kernel) kernel=$2 ;;
            --source) given_source=$2 ;;
            --series) series=$2 ;;
            --build-dir) build=$2 ;;
            --jobs) jobs=$2 ;;
            esac
            shift
            ;;
        *) wrong_usage "unknown argument: $1" ;;
        esac
        shift
    done
}

check_arguments() {
    [[ $arch =~ ^(x86_64|arm64)$ ]] || wrong_usage "--arch is x86_64 or arm64"
    [[ $kernel =~ ^(stock|patched)$ ]] || wrong_usage "--kernel is stock or patched"
    [[ $jobs =~ ^[1-9][0-9]*$ ]] || wrong_usage "--jobs is a number of compilers"
    [ -z "$given_source" ] || [ -e "$given_source" ] || wrong_usage "--source: there is no $given_source"
    [ "$kernel" = stock ] || series_is_there || exit 1
}

# What an architecture is called by make, by the compiler's prefix and by Debian; and where its image is made.
set_architecture() {
    case $arch in
    x86_64) triplet=x86_64-linux-gnu cross_gcc=gcc-x86-64-linux-gnu image_path=arch/x86/boot/bzImage ;;
    arm64) triplet=aarch64-linux-gnu cross_gcc=gcc-aarch64-linux-gnu image_path=arch/arm64/boot/Image ;;
    esac
    cross=
    if [ "$(uname -m)" != "${triplet%%-*}" ]; then
        cross=$triplet-
    fi
}

install_packages() {
    local packages=(make gcc libc6-dev flex bison bc patch xz-utils)
    # objtool reads what was compiled for x86.
    [ "$arch" = arm64 ] || packages+=(libelf-dev)
    [ -z "$cross" ] || packages+=("$cross_gcc")
    ensure_packages "${packages[@]}" >&2
}

fragments() {
    printf '%s\n' "$here/config/common.config" "$here/config/$arch.config"
    [ -z "$debug" ] || echo "$here/config/${debug#-}.config"
}

# Everything that decides what the image is.
image_key() {
    {
        cat "$slot/signature"
        [ "$kernel" = stock ] || series_hash
        fragments | xargs cat
        "${cross}gcc" --version | head -n 1
    } | sha256sum | cut -c 1-12
}

name_image() {
    name=$arch-$kernel$debug
    image=$build/images/linux-$version-$name-$(image_key)
}

kernel_make() {
    LC_ALL=C make --no-print-directory -C "$tree" O="$objects" ARCH="$arch" CROSS_COMPILE="$cross" "$@"
}

# An option that is not even offered is not set either.
is_configured() {
    local off='^# (CONFIG_[A-Z0-9_]+) is not set'
    if [[ $1 =~ $off ]]; then
        [ "$(grep -c "^${BASH_REMATCH[1]}=" "$objects/.config")" -eq 0 ]
    else
        grep -qxF "$1" "$objects/.config"
    fi
}

# Options are lost without a word where what they depend on is missing, so each line is looked up in the result.
check_configuration() {
    local line missing=()
    while read -r line; do
        is_configured "$line" || missing+=("$line")
    done < <(fragments | xargs grep -hE '^(CONFIG_|# CONFIG_[A-Z0-9_]+ is not set)')
    for line in "${missing[@]}"; do
        case $line in
        CONFIG_RSEQ_SLICE_EXTENSION=y)
            if [ "$arch/$kernel" = arm64/stock ] && ! slice_extension_has_a_prompt; then
                say "note: Linux $version has no time slice extensions for arm64; this kernel is without them"
                continue
            fi
            say "the configuration lost $line"
            return 1
            ;;
        # Another source may have renamed one; the series' own configuration is not a matter of taste.
        *) say "the configuration lost $line" && [ "$version" != "$series_base" ] || return 1 ;;
        esac
    done
}

# GENERIC_ENTRY, on which the option depends.
slice_extension_has_a_prompt() {
    grep -q '^CONFIG_GENERIC_ENTRY=y' "$objects/.config"
}

make_configuration() {
    kernel_make -s tinyconfig &&
        (cd "$tree" && scripts/kconfig/merge_config.sh -m -O "$objects" "$objects/.config" "$@") &&
        kernel_make -s olddefconfig
}

configure() {
    local list=()
    readarray -t list < <(fragments)
    mkdir -p "$objects"
    if ! make_configuration "${list[@]}" >"$objects/configure.log" 2>&1; then
        say "the configuration failed:"
        tail -n 20 "$objects/configure.log" >&2
        return 1
    fi
    check_configuration
}

# From make's output: how far it is, each quarter of a minute.
show_progress() {
    local line files=0 last=$SECONDS start=$SECONDS
    while read -r line; do
        [[ $line =~ ^(CC|AS|LD)\  ]] || continue
        files=$((files + 1))
        if ((SECONDS - last >= 15)); then
            last=$SECONDS
            say "$name: $files files, $((SECONDS - start)) s, now ${line##* }"
        fi
    done
}

compile() {
    local log=$objects/build.log
    say "building $name of Linux $version with $jobs jobs, log: $log"
    if ! kernel_make -j "$jobs" "$(basename "$image_path")" 2>&1 | tee "$log" | show_progress; then
        say "the build failed:"
        grep -E 'error:|Error [0-9]|undefined reference' "$log" | head -n 20 >&2 || tail -n 20 "$log" >&2
        return 1
    fi
}

keep_image() {
    mkdir -p "$build/images"
    cp "$objects/$image_path" "$image.partial"
    mv "$image.partial" "$image"
}

print_known_image() {
    source_is_known "$given_source" || return 1
    name_image
    [ -f "$image" ] && echo "$image"
}

main() {
    if [ "${1-}" = --check ]; then
        exec "$here/check.sh" "${@:2}"
    fi
    read_arguments "$@"
    check_arguments
    set_architecture
    mkdir -p "$build"
    build=$(cd "$build" && pwd)
    if command -v "${cross}gcc" >/dev/null && print_known_image; then
        return 0
    fi
    if [ -n "$print_only" ]; then
        say "$arch $kernel$debug is not built yet"
        return 1
    fi
    install_packages
    exec 9>"$build/lock"
    flock --nonblock 9 || { say "waiting for another build" && flock 9; }
    local debian_arch=${arch/x86_64/amd64}
    find_source "$given_source" "$debian_arch" || return
    tree=$slot/stock
    if [ "$kernel" = patched ]; then
        patch_source || return
        tree=$slot/patched
    fi
    name_image
    if [ ! -f "$image" ]; then
        objects=$build/objects/$(basename "$slot")/$name
        configure || return
        compile || return
        keep_image
        say "$name: built, $SECONDS s"
    fi
    echo "$image"
}

main "$@"
