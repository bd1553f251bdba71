# SPDX-License-Identifier: GPL-2.0
# What the scripts of this folder share; they source it first.
# shellcheck shell=bash disable=SC2034  # the variables are theirs
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$top/build}
# The kernel source with the overlay on it, and what is built from it. Inside
# the tree all paths are relative, so that ccache serves every checkout.
tree=$build/linux
obj=$tree/build-x86_64
image=$obj/arch/x86/boot/bzImage

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
	say "$@"
	exit 1
}

# The folders of the overlay, each at its path in the kernel.
overlay_dirs=(Documentation fs include kernel mm tools)

# overlay_files new|patch - the overlay's files, as paths in the kernel
overlay_files() {
	local dirs=() d
	for d in "${overlay_dirs[@]}"; do
		[[ ! -d $top/$d ]] || dirs+=("$d")
	done
	case $1 in
	new) (cd "$top" && find "${dirs[@]}" -type f ! -name '*.patch' | sort) ;;
	patch) (cd "$top" && find "${dirs[@]}" -type f -name '*.patch' | sed 's/\.patch$//' | sort) ;;
	esac
}
