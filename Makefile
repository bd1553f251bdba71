# SPDX-License-Identifier: GPL-2.0
# Run 'make help' for a list of targets. Most of them call a script in dev/.

ifneq ($(words [$(CURDIR)$(BUILD)]),1)
$(error The kernel build cannot use a path with a blank; move this folder, or set BUILD to another path)
endif

KERNEL_SRC ?=
export KERNEL_SRC
ifeq ($(KERNEL_SRC),)
source := source
unexport KERNEL_SRC
endif

KERNEL_CONFIG ?=
export KERNEL_CONFIG
ifeq ($(KERNEL_CONFIG),)
config := config
endif

KERNEL ?= 6.12
export KERNEL

BUILD ?= build
override BUILD := $(abspath $(BUILD))
export BUILD

CMD ?= dev/demo
TESTS ?=
TAGS ?=
CASE ?=
ROUNDS ?= 1000
DURATION ?= 60
SEED ?= 1
SUITE ?= trixie
CFLAGS ?= -O2 -g -Wall -Wextra
PREFIX ?= /usr/local
tools := $(BUILD)/tools

.NOTPARALLEL:
.PHONY: help run shell test torture stress test-all test-debug test-kcsan test-criu test-arch test-fresh selftests bench \
	kernel tools install uninstall deb check-deb test-deb deb-kernel check-deb-kernel lint variants apply \
	unapply patches series-check refresh clean distclean

help:
	@sed -n 's/^#: \?//p' Makefile

#: Try it (each target does its whole set-up; * marks the usual choices)
#:  *make run                    boot the patched kernel and show real processes
#:   make run CMD='COMMAND'      run your own command in it
#:   make shell                  open a shell in it
run: tools
ifeq ($(CMD),dev/demo)
	@dev/demo here
endif
	@$(MAKE) -s kernel
	@dev/setup guest
	@dev/guest bash -c $(call quote,$(value CMD))

shell: kernel tools
	@dev/setup guest
	@GUEST_TIMEOUT=$${GUEST_TIMEOUT:-86400} dev/guest --shell

#:
#: Test it
#:  *make test                   run all scenarios: tests/bats in that kernel, tests/host
#:   make test TESTS=FILE...     run only these
#:   make test TAGS='TAG...'     run scenarios with one of these bats tags: concurrent,
#:                               or long (part of test-all); default: !long
#:   make torture ROUNDS=N SEED=N
#:                               search for lost writes, for longer than 'make test'
#:   make stress DURATION=SECONDS SEED=N
#:                               run everything at once under load; use 3600 before a
#:                               release
#:   make selftests [CASE='WORD...']
#:                               run the kernel's own tests of memory and /proc, in
#:                               that kernel and in one without this project
#:   make bench                  compare the cost of listings, PAGEMAP_SCAN and others
#:   make bench CASE='NAME...' [JSON=yes]
#:                               run some cases; tests/bench/targets.c has the names
#:   make run CMD=tests/bench/checkpoints
#:                               compare checkpoints of a server with gcore
#:   make run CMD='tests/bench/fleet 200'
#:                               compare dirtycat over 200 processes with smem and ps
#:   make lint                   checkpatch, sparse, W=1, kernel-doc, shellcheck, ...;
#:                               compile for each supported kernel
#:   make variants               compile for kernels that lack some option
#:
#: Test it for a day (CI runs none of these)
#:   make test-debug [TESTS=FILE...]
#:                               run all scenarios in a kernel that checks memory, locks,
#:                               page tables and leaks: any report is a failure
#:   make test-kcsan [TESTS=FILE...]
#:                               run the concurrent scenarios in a kernel that reports
#:                               data races; only those in this project's functions
#:                               count
#:   make test-criu              dump and restore programs by CRIU, with parent images of
#:                               dirtyckpt, in a kernel with what CRIU needs
#:   make test-arch              run KUnit and a smoke test on 32-bit x86, arm64, s390x
#:                               and powerpc64, or with KERNEL=7.3 riscv64
#:   make test-fresh SUITE=trixie
#:                               make run and make test in a fresh Debian
#:   make test-all               run these, lint, test and its long scenarios, torture,
#:                               variants, selftests and an hour of stress, and print
#:                               a table of results
test: kernel tools
	@dev/setup guest tests stress bench
	@$(MAKE) -s -C tests/runtimes OUTPUT=$(tools)/ CFLAGS='$(CFLAGS)'
	@$(MAKE) -s -C tests/library OUTPUT=$(tools)/ CFLAGS='$(CFLAGS)'
	@dev/kernel build um
	@TAGS='$(or $(TAGS),!long)' tests/run $(TESTS)

test-debug: tools
	@dev/setup kernel $(source) guest tests stress
	@$(MAKE) -s -C tests/runtimes OUTPUT=$(tools)/ CFLAGS='$(CFLAGS)'
	@$(MAKE) -s -C tests/library OUTPUT=$(tools)/ CFLAGS='$(CFLAGS)'
	@dev/kernel build debug
	@GUEST_KERNEL=debug TAGS='$(or $(TAGS),!long)' tests/run $(or $(TESTS),tests/bats)

test-kcsan: tools
	@dev/setup kernel $(source) guest tests stress
	@dev/kernel build kcsan
	@GUEST_KERNEL=kcsan TAGS='$(or $(TAGS),concurrent$(comma)!long)' tests/run $(or $(TESTS),tests/bats)

test-criu: tools
	@dev/setup kernel $(source) guest tests archive
	@dev/program criu >/dev/null
	@dev/kernel build criu
	@GUEST_KERNEL=criu TAGS=criu tests/run tests/bats/360-criu.bats

test-arch:
	@dev/setup kernel $(source) arch
	@dev/arch

test-fresh:
	@dev/fresh $(SUITE)

test-all:
	@dev/test-all

torture: kernel tools
	@dev/setup guest
	@GUEST_TIMEOUT=$${GUEST_TIMEOUT:-86400} dev/guest env TORTURE_ROUNDS='$(ROUNDS)' \
		TORTURE_SEEDS='$(SEED)' bats --tap tests/bats/250-torture.bats

stress: kernel tools
	@dev/setup guest stress
	@GUEST_TIMEOUT=$${GUEST_TIMEOUT:-86400} dev/guest env STRESS_SECONDS='$(DURATION)' \
		STRESS_SEED='$(SEED)' ROBUST_SEED='$(SEED)' ROBUST_STOP=60 ROBUST_OPENS=10000 \
		bats --tap tests/bats/295-stress.bats tests/bats/296-robust.bats

selftests: kernel
	@dev/setup guest selftests
	@dev/kernel build plain
	@dev/selftests $(CASE)

bench: tools
	@dev/setup kernel $(source)
	@dev/setup bench
	@dev/kernel build bench
	@dev/kernel build um
	@dev/bench $(if $(JSON),--json) $(CASE)

lint: kernel tools
	@dev/setup lint
	@dev/lint

variants:
	@dev/setup kernel $(source)
	@dev/variants

#:
#: Build it
#:   make kernel                 unpack, patch, configure and build the kernel
#:   make tools                  build dirtycat, dirtyckpt, libdirtypages and the tests'
#:                               helpers
kernel:
	@dev/setup kernel $(source)
	@dev/kernel build

tools:
	@dev/setup tools
	@mkdir -p $(tools)
	@$(MAKE) -s -C tools/lib/dirtypages OUTPUT=$(tools) CFLAGS='$(CFLAGS)'
	@$(MAKE) -s -C tools/dirtycat OUTPUT=$(tools) CFLAGS='$(CFLAGS)'
	@$(MAKE) -s -C tools/dirtyckpt OUTPUT=$(tools) CFLAGS='$(CFLAGS)'
	@$(MAKE) -s -C tests/memstate OUTPUT=$(tools)/ CFLAGS='$(CFLAGS)'
	@$(MAKE) -s -C tests/programs OUTPUT=$(tools)/ CFLAGS='$(CFLAGS)'

#:
#: Use dirtycat, dirtyckpt and libdirtypages, also on the kernel you run
#:   make install                install to /usr/local; DESTDIR= and PREFIX= change that
#:   make uninstall              remove the installed files
install: tools
	@$(MAKE) -s -C tools/lib/dirtypages OUTPUT=$(tools) CFLAGS='$(CFLAGS)' \
		DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' install
	@$(MAKE) -s -C tools/dirtycat OUTPUT=$(tools) CFLAGS='$(CFLAGS)' \
		DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' install
	@$(MAKE) -s -C tools/dirtyckpt OUTPUT=$(tools) CFLAGS='$(CFLAGS)' \
		DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' install
	@$(MAKE) -s -C tools/lib/python DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' install

uninstall:
	@$(MAKE) -s -C tools/lib/dirtypages DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' uninstall
	@$(MAKE) -s -C tools/dirtycat DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' uninstall
	@$(MAKE) -s -C tools/dirtyckpt DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' uninstall
	@$(MAKE) -s -C tools/lib/python DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' uninstall

#:   make deb                    build Debian packages of the tools, the library and its
#:                               Python module, in build/deb
#:   make check-deb              install them, use them, and purge them (as root)
#:   make test-deb SUITE=trixie  make deb and make check-deb in a fresh Debian
deb:
	@dev/setup deb
	@debian/build $(BUILD)/deb

check-deb:
	@tests/packages $(BUILD)/deb

test-deb:
	@dev/fresh $(SUITE) deb check-deb

#:
#: Install the kernel on a machine of your own
#:   make deb-kernel             build Debian packages of the kernel with Debian's
#:                               configuration for virtual machines, in build/deb-kernel:
#:                               about 100 minutes on two CPUs, 4 GB of disk
#:   make deb-kernel KERNEL_CONFIG=FILE
#:                               use another one, such as /boot/config-VERSION
#:   make check-deb-kernel SUITE=trixie
#:                               install it in a fresh Debian, and boot that in QEMU
deb-kernel:
	@dev/setup kernel $(source) deb-kernel $(config)
	@dev/kernel build debian

check-deb-kernel: deb-kernel deb
	@dev/setup guest
	@dev/fresh $(SUITE) help >/dev/null
	@tests/deb-kernel $(BUILD)/fresh/$(SUITE) \
		$(BUILD)/$(if $(filter-out 6.12,$(KERNEL)),$(KERNEL)/)deb-kernel $(BUILD)/deb

#:
#: Put it into a kernel of your own (KERNEL_SRC=tree)
#:   make apply KERNEL_SRC=TREE  copy the new files, apply the edits
#:   make unapply KERNEL_SRC=TREE
#:                               undo that
#:   make patches                export two series for 'git am' to build/patches: fixes of
#:                               the kernel's soft-dirty tracking, and the file
#:   make series-check           apply these to the kernel's own tree, patch by patch,
#:                               with checkpatch and a build for each, and boot tests at
#:                               the end of each series; goes on where it stopped
apply unapply:
	@dev/overlay $@ '$(KERNEL_SRC)'

patches:
	@dev/setup kernel $(source) patches
	@dev/kernel tree
	@dev/patches

series-check:
	@dev/setup kernel $(source) patches tools guest
	@dev/kernel tree
	@dev/series-check

#:
#: Work on it
#:   make refresh                regenerate the .patch files from build/linux
#:   make clean                  remove built files
#:   make distclean              remove the kernel source as well
refresh:
	@dev/overlay refresh

clean:
	rm -rf $(tools) $(BUILD)/guest $(BUILD)/deb $(BUILD)/kvm-probe
	for folder in $(BUILD) $(BUILD)/[0-9]*; do \
		rm -rf $$folder/linux/build-* $$folder/plain/build-* $$folder/deb-kernel $$folder/series* $$folder/selftests $$folder/tests $$folder/*.log; \
	done

distclean:
	rm -rf $(BUILD)

#:
#: KERNEL=7.3 uses that kernel, from Debian's backports, instead of 6.12, for run,
#: shell, test, bench, patches and others; all that is made from it is in build/7.3.
#: KERNEL_SRC=PATH uses another kernel source, a tree or a tarball, instead of
#: Debian's; BUILD=PATH uses another folder than build/.
#: dev/guest explains GUEST_TIMEOUT, GUEST_MEM, GUEST_CPUS, GUEST_ACCEL and
#: GUEST_KERNEL.

comma := ,
quote = '$(subst ','\'',$(1))'
