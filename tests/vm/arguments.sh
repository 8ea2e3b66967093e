# shellcheck shell=bash disable=SC2034 # variables for those who source this
# SPDX-License-Identifier: MIT
#
# Sourced first by the scripts here that take ROOT BUILD x86_64|arm64 stock|patched, the project's folder, that of the
# tree with its programs, and a kernel of kernel/build.sh: those arguments as variables.
set -euo pipefail

root=$1
build=$2
arch=$3
kernel=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
