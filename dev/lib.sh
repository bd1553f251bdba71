# SPDX-License-Identifier: GPL-2.0
# Common definitions of the scripts in this folder, which source this file first.
# shellcheck shell=bash disable=SC2034  # the scripts use the variables
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$top/build}
# The kernel source with the overlay applied. Kernels are built in folders inside
# it, where all paths are relative, so that ccache works across checkouts.
tree=$build/linux

# use_kernel NAME - set the variables of a kernel: its folder, architecture and
# compiler; the configuration fragments, each on top of the last; the file to boot
# and its command line; the number of objects to build; and the factor for timeouts.
# plain is test without the overlay, and has its own source tree.
use_kernel() {
	arch=x86_64 cross='' goal=vmlinux options='' slowness=1 fragments=("dirty_pages_$1.config")
	objects=0
	[[ $1 != plain ]] || tree=$build/plain
	obj=$tree/build-$1 image=$tree/build-$1/vmlinux
	case $1 in
	test | plain) fragments=(dirty_pages.config) objects=960 ;;
	bench) goal=bzImage image=$obj/arch/x86/boot/bzImage ;;
	debug | kcsan)
		options="printk.devkmsg=on" slowness=10 objects=990
		fragments=(dirty_pages.config "dirty_pages_$1.config")
		# Without U, as KASAN records the callers that allocate and free.
		[[ $1 != debug ]] || options+=" page_owner=on slub_debug=FZP"
		;;
	um) arch=um goal=linux image=$obj/linux ;;
	i386) arch=i386 cross=i686-linux-gnu- goal=bzImage image=$obj/arch/x86/boot/bzImage ;;
	arm64) arch=arm64 cross=aarch64-linux-gnu- goal=Image image=$obj/arch/arm64/boot/Image ;;
	s390x) arch=s390 cross=s390x-linux-gnu- goal=bzImage image=$obj/arch/s390/boot/bzImage ;;
	*) die "unknown kernel '$1'" ;;
	esac
	[[ " ${arch_kernels[*]} " != *" $1 "* ]] || fragments=(dirty_pages_arch.config "${fragments[@]}")
}

# The kernels for tests/arch
arch_kernels=(i386 arm64 s390x)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
	say "$@"
	exit 1
}

# is_healthy CONSOLE - is it free of reports that a healthy kernel never prints?
# Each check of the debug kernels has its own wording.
is_healthy() {
	! grep -qE "$unhealthy" "$1"
}

unhealthy='Kernel panic|Oops|BUG:|kernel BUG at|BUG [^ ]+ \(|WARNING:|INFO: (task|trying)|detected .*stall'
unhealthy+='|: bad p[gum4]+d |general protection|KASAN|UBSAN|ODEBUG|DEADLOCK|possible .* locking'
unhealthy+='|(add|del) corruption|Redzone|Object padding|Poison overwritten|unreferenced object'
# A check that has turned itself off finds no more errors.
unhealthy+='|leak detector disabled|lockdep is turned off'

# The folders of the overlay, at the same paths as in the kernel
overlay_dirs=(Documentation arch fs include kernel mm tools)

# overlay_files new|patch - print the overlay's files, as paths in the kernel
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
