# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Before all scenarios: check that this kernel has the file, and prepare the system.

setup_suite() {
	bats_require_minimum_version 1.5.0
	[[ -e /proc/self/dirty_pages ]] || {
		echo "this kernel has no /proc/<pid>/dirty_pages; 'make test' boots one" >&2
		return 1
	}
	# Scenarios enable these where they need them.
	echo 86400000 >/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs
	echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
	echo 0 >/proc/sys/kernel/numa_balancing
	chmod 1777 /tmp
	# Other users may have no access to the project's folder.
	mkdir -p /run/bin
	find "$BUILD/tools" -maxdepth 1 -type f -executable -exec cp {} /run/bin/ \;
}
