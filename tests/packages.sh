# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Sourced by examples/demo.sh and tests/run.sh:
#   ensure_packages NAME...   installs those of the named Debian packages that are missing
#   build_packages            array: what building slicepatch, its program, examples and tests needs
#   arm64_packages            array: what building them for arm64 and running them under an emulator needs besides; not
#                             libck-dev, of which a machine can have one architecture's alone
#   know_arm64                makes Debian's packages for arm64 known to this machine

# shellcheck disable=SC2034 # for those who source this file
build_packages=(
    g++ cmake ninja-build pkg-config
    libasmjit-dev libzydis-dev libcapstone-dev
    libcli11-dev libfmt-dev nlohmann-json3-dev libelf-dev libdw-dev
    libncurses-dev systemtap-sdt-dev doctest-dev libck-dev gnuplot-nox
)

arm64_packages=(
    g++-aarch64-linux-gnu qemu-user musl-dev:arm64
    libc6-dev:arm64 libasmjit-dev:arm64 libzydis-dev:arm64 libcapstone-dev:arm64
    libfmt-dev:arm64 libelf-dev:arm64 libdw-dev:arm64 zlib1g-dev:arm64 libncurses-dev:arm64
)

# package_is_installed NAME[:ARCHITECTURE]: this machine's own one, where none is given. A removed package may still be
# known, with its configuration; and another architecture's is no use to our compilers.
package_is_installed() {
    local name=${1%:*} architecture=
    [[ $1 != *:* ]] || architecture=${1##*:}
    dpkg-query --show --showformat='${db:Status-Status} ${Architecture}\n' "$name" 2>/dev/null |
        grep -Eqx "installed (${architecture:-$(dpkg --print-architecture)}|all)"
}

# may_install COMMAND: whether we can; else it says what root should do.
may_install() {
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "packages: neither root nor sudo; as root, run: $1" >&2
        return 1
    fi
}

run_as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

know_arm64() {
    if command -v dpkg >/dev/null && ! dpkg --print-foreign-architectures | grep -qx arm64; then
        echo "packages: adding the architecture arm64"
        may_install "dpkg --add-architecture arm64" || return 1
        run_as_root dpkg --add-architecture arm64
    fi
}

ensure_packages() {
    local name
    local missing=()
    if ! command -v dpkg-query >/dev/null; then
        echo "packages: this is no Debian system, so nothing is installed; needed is what Debian calls: $*"
        return 0
    fi
    for name in "$@"; do
        package_is_installed "$name" || missing+=("$name")
    done
    if [ "${#missing[@]}" -eq 0 ]; then
        echo "packages: all $# are installed"
        return 0
    fi
    echo "packages: installing ${#missing[@]} of $#: ${missing[*]}"
    may_install "apt-get install ${missing[*]}" || return 1
    run_as_root apt-get -q update || return 1
    run_as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install --yes --no-install-recommends --no-remove "${missing[@]}" || return 1
}
