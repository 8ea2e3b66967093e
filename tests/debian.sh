#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs commands of this checkout on another release of Debian: in a root of that release, made by mmdebstrap from this
# machine's own mirror. What is tested is the working tree with what git does not ignore, copied, never shared.
# (GPL-2.0 because it sources kernel/debian.sh.)
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tests/debian.sh RELEASE [COMMAND [ARGUMENT...]]

Runs a command of the checkout, by default both of the README's, examples/demo.sh and tests/run.sh, in a root of the
Debian release (trixie, forky, sid, ...). The root is kept in build/debian/RELEASE for the next time, with what the
commands installed and built there; the checkout in it is renewed each time. Needs root, mmdebstrap (installed if it is
missing) and namespaces for mounts.

Exit status: the command's; 77 the root cannot be made here, with the reason.
TEXT
}

if [ $# -lt 1 ] || [ "$1" = --help ]; then
    usage
    [ $# -ge 1 ]
    exit
fi
release=$1
shift

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(dirname "$here")
build=$checkout/build/debian/$release
root=$build/root

say() {
    echo "debian.sh: $*" >&2
}
cannot() {
    say "skipped: $*"
    exit 77
}

# shellcheck source=tests/packages.sh
source "$here/packages.sh"
# shellcheck source=kernel/debian.sh
source "$checkout/kernel/debian.sh"

# debootstrap_root [OPTION...]
debootstrap_root() {
    mmdebstrap --variant=minbase --mode=root ${key:+"--keyring=$key"} "$@" \
        "$release" "$root.partial" "$mirror" >"$build/mmdebstrap.log" 2>&1
}

# A mirror that has stood still for some weeks has lists of a moving release that apt takes for replayed ones.
allow_old_lists() {
    grep -q 'Release file .* is expired' "$build/mmdebstrap.log" || return 1
    say "this machine's mirror has old lists of $release, which are good enough for a root to test in"
    rm -rf "$root.partial"
    debootstrap_root --aptopt='Acquire::Check-Valid-Until "false"'
}

make_root() {
    local mirror key
    ensure_packages mmdebstrap || cannot "mmdebstrap is not installed"
    mirror=$(later_mirror)
    [ -n "$mirror" ] || cannot "this machine's apt names no mirror of Debian"
    key=$(later_key "$mirror")
    say "making a root of $release"
    rm -rf "$root.partial" "$root"
    debootstrap_root || allow_old_lists ||
        cannot "no root of $release can be made: $(tail -n 1 "$build/mmdebstrap.log")"
    mv "$root.partial" "$root"
}

# Files keep their times, so that what was built from them before is not built again.
copy_checkout() {
    local files=$build/files
    git -C "$checkout" ls-files --cached --others --exclude-standard -z >"$files"
    mkdir -p "$root/slicepatch"
    find "$root/slicepatch" -mindepth 1 -maxdepth 1 -not -name 'build*' -exec rm -rf {} +
    # A file that git knows and the working tree has lost is no file.
    tar -C "$checkout" --create --null --files-from "$files" --ignore-failed-read 2>/dev/null |
        tar -C "$root/slicepatch" --extract --no-same-owner
}

# enter COMMAND...: in namespaces of its own, so that nothing stays mounted or running behind it. Its /proc is that of
# its own processes, as on a machine of its own.
enter() {
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount --pid --fork --kill-child --propagation private bash -c '
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t sysfs sysfs "$root/sys" 2>/dev/null || true
        mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
        cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
        exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
            LANG=C.UTF-8 ${TERM:+TERM=$TERM} ${http_proxy:+http_proxy=$http_proxy} \
            bash -c "cd /slicepatch && exec \"\$@\"" bash "$@"' bash "$root" "$@"
}

[ "$(id -u)" -eq 0 ] || cannot "only root can make and enter a root of $release"
mkdir -p "$build"
[ -d "$root" ] || make_root
unshare --mount --pid --fork true 2>/dev/null || cannot "namespaces for mounts and processes are refused"
copy_checkout
if [ $# -gt 0 ]; then
    enter "$@"
else
    enter examples/demo.sh
    enter tests/run.sh
fi
