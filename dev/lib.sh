# SPDX-License-Identifier: GPL-2.0
# What the scripts of this folder share; they source it first.
# shellcheck shell=bash disable=SC2034  # the variables are theirs
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$top/build}
# The kernel source with the overlay on it. What is built from it is inside, where
# all paths are relative, so that ccache serves every checkout.
tree=$build/linux

# use_kernel test|plain|bench|um - set what belongs to one of the kernels: its
# folder, its architecture, what it is configured by, and the file that boots.
# plain is test without the overlay, and has a source tree of its own.
use_kernel() {
	arch=x86_64 goal=bzImage fragment=dirty_pages_$1.config
	[[ $1 != plain ]] || tree=$build/plain
	obj=$tree/build-$1 image=$tree/build-$1/arch/x86/boot/bzImage
	case $1 in
	test | plain) fragment=dirty_pages.config ;;
	bench) ;;
	um) arch=um goal=linux image=$obj/linux ;;
	*) die "no kernel is called $1" ;;
	esac
}

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
