# SPDX-License-Identifier: GPL-2.0
# Common definitions of the scripts in this folder, which source this file first.
# shellcheck shell=bash disable=SC2034  # the scripts use the variables
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$top/build}
# The kernel to build. 6.12 is Debian's own, a newer one comes from its backports and
# has a folder of its own for all that is made from it.
kernel=${KERNEL:-6.12}
[[ $kernel =~ ^[0-9]+\.[0-9]+$ ]] || {
	printf '%s: KERNEL=%s is not a version such as 6.12\n' "${0##*/}" "$kernel" >&2
	exit 1
}
kbuild=$build
[[ $kernel == 6.12 ]] || kbuild=$build/$kernel
# Debian's source: the tarball of a package, or a link to one that dev/backports got
debian_source=/usr/src/linux-source-$kernel.tar.xz
[[ $kernel == 6.12 ]] || debian_source=$kbuild/source.tar.xz
# Debian's configuration for virtual machines. Newer kernels start from it too, with
# the defaults of the options that they add.
debian_config=/usr/src/linux-config-6.12/config.amd64_none_cloud-amd64.xz
# The kernel source with the overlay applied. Kernels are built in folders inside
# it, where all paths are relative, so that ccache works across checkouts.
tree=$kbuild/linux

# use_kernel NAME - set the variables of a kernel: its folder, architecture and
# compiler; the configuration to start from, by default one without any option, and
# fragments, each on top of the last; the file to boot and its command line; the number
# of objects to build, and the MiB that they take if these are many; and the factor for
# timeouts. plain is test without the overlay, and has its own source tree, as has
# series, to which dev/series-check applies patch after patch. debian is not booted here:
# its image is the folder with its packages.
use_kernel() {
	arch=x86_64 cross='' goal=vmlinux options='' slowness=1 fragments=("dirty_pages_$1.config")
	objects=0 space=0 preset=''
	[[ $1 != plain && $1 != series ]] || tree=$kbuild/$1
	obj=$tree/build-$1 image=$tree/build-$1/vmlinux
	case $1 in
	test | plain | series) fragments=(dirty_pages.config) objects=1000 ;;
	bench) goal=bzImage image=$obj/arch/x86/boot/bzImage ;;
	debug | kcsan)
		options="printk.devkmsg=on" slowness=10 objects=990
		fragments=(dirty_pages.config "dirty_pages_$1.config")
		# Without U, as KASAN records the callers that allocate and free.
		[[ $1 != debug ]] || options+=" page_owner=on slub_debug=FZP"
		;;
	debian)
		goal=bindeb-pkg image=$kbuild/deb-kernel preset=${KERNEL_CONFIG:-$debian_config} space=4000
		[[ -n ${KERNEL_CONFIG:-} ]] || objects=6400
		;;
	criu) fragments=(dirty_pages.config dirty_pages_criu.config) objects=1200 ;;
	um) arch=um goal=linux image=$obj/linux ;;
	i386) arch=i386 cross=i686-linux-gnu- goal=bzImage image=$obj/arch/x86/boot/bzImage ;;
	arm64) arch=arm64 cross=aarch64-linux-gnu- goal=Image image=$obj/arch/arm64/boot/Image ;;
	s390x) arch=s390 cross=s390x-linux-gnu- goal=bzImage image=$obj/arch/s390/boot/bzImage ;;
	powerpc64) arch=powerpc cross=powerpc64le-linux-gnu- goal=vmlinux image=$obj/vmlinux ;;
	riscv64) arch=riscv cross=riscv64-linux-gnu- goal=Image image=$obj/arch/riscv/boot/Image ;;
	*) die "unknown kernel '$1'" ;;
	esac
	[[ " ${arch_kernels[*]} " != *" $1 "* ]] || fragments=(dirty_pages_arch.config "${fragments[@]}")
}

# The kernels for tests/arch. In Linux 6.12, riscv64 has no soft-dirty. With lockdep,
# Linux 7.3 for powerpc64 warns of its own timer interrupt at boot.
arch_kernels=(i386 arm64 s390x)
if [[ $kernel == 6.12 ]]; then arch_kernels+=(powerpc64); else arch_kernels+=(riscv64); fi

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

# The overlay, at the same paths as in the kernel
overlay_dirs=(Documentation MAINTAINERS.patch arch fs include kernel mm tools)

# These folders are written for this version of mainline. stable/X.Y has the files
# that differ for Linux X.Y, at the same paths: they take the place of the others.
mainline=7.3
version='' # of the tree in question, see use_version
stable=''  # its folder, if it has one

# version_of TREE - print its version, such as 6.12
version_of() {
	sed -nE 's/^(VERSION|PATCHLEVEL) *= *([0-9]+)$/\2/p' "$1/Makefile" 2>/dev/null | head -n 2 | paste -sd.
}

# supported - print the versions with a folder, and mainline's
supported() {
	(cd "$top" && printf '%s\n' stable/*/ "stable/$mainline/") |
		sed -nE 's|^stable/([0-9]+[.][0-9]+)/$|\1|p' | sort -uV
}

# release VERSION - print its number in the order of releases: 7.0 follows 6.19
release() {
	echo $((${1%%.*} * 20 + ${1#*.}))
}

# nearest VERSION - print the supported version that is the fewest releases away
nearest() {
	local v distance
	for v in $(supported); do
		distance=$(($(release "$v") - $(release "$1")))
		echo "${distance#-} $v"
	done | sort -n | sed -n '1s/.* //p'
}

# use_version TREE - use the files of the overlay for the version of this tree. One
# that is newer than all supported versions gets those of mainline.
use_version() {
	version=$(version_of "$1")
	[[ $version =~ ^[0-9]+\.[0-9]+$ ]] || die "$1/Makefile has no version of Linux"
	stable=''
	if [[ -d $top/stable/$version ]]; then
		stable=stable/$version
	elif (($(release "$version") < $(release "$mainline"))); then
		die "$1 is Linux $version; supported are $(supported | paste -sd' ') and later, of which $(nearest "$version") is the nearest"
	fi
}

# is_newer - is the version in use newer than the one that the files are for?
is_newer() {
	[[ -z $stable && $version != "$mainline" ]]
}

# locate FILE - set $ours to the path in the project of the kernel's FILE or FILE.patch
locate() {
	ours=$1
	[[ -z $stable || ! -e $top/$stable/$1 ]] || ours=$stable/$1
}

# overlay_files new|patch - print the overlay's files for the version in use, as paths
# in the kernel. An empty file in the folder of a version means that it needs none.
overlay_files() {
	local find=(find "${overlay_dirs[@]}" -type f) roots=("$top") kind=(-name '*.patch')
	[[ -z $stable ]] || roots+=("$top/$stable")
	[[ $1 == patch ]] || kind=(! "${kind[@]}")
	comm -23 <(from_roots "${kind[@]}" | sort -u) <(from_roots "${kind[@]}" -size 0 | sort) |
		sed 's/\.patch$//'
}

# from_roots ARGUMENT... - run find in each root of overlay_files
from_roots() {
	local root
	for root in "${roots[@]}"; do
		(cd "$root" && "${find[@]}" "$@" 2>/dev/null) || true
	done
}
