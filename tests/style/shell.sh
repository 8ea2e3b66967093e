#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# shell.sh SOURCE-FOLDER: shellcheck has nothing to say of any script, sourced files followed.
set -euo pipefail

cd "$1"
command -v shellcheck >/dev/null || { echo "skipped: there is no shellcheck" && exit 77; }
mapfile -t files < <(find . -name 'build*' -prune -o \( -name '*.sh' -o -path ./.ci/run \) -type f -print | sort)
echo "${#files[@]} scripts"
[ "${#files[@]}" -gt 30 ]
shellcheck --external-sources "${files[@]}"
