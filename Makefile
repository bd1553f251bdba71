# SPDX-License-Identifier: GPL-2.0
# The front door: each target is a script behind a line here. 'make help'.

ifneq ($(words [$(CURDIR)$(BUILD)]),1)
$(error The kernel's build takes no path with a blank, as this folder or BUILD has; move it, or name another)
endif

KERNEL_SRC ?=
export KERNEL_SRC
ifeq ($(KERNEL_SRC),)
source := source
unexport KERNEL_SRC
endif

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
.PHONY: help run shell test torture stress test-all test-debug test-kcsan test-arch test-fresh selftests bench \
	kernel tools install uninstall lint variants apply unapply patches refresh clean distclean

help:
	@sed -n 's/^#: \?//p' Makefile

#: Try it (each does the whole set-up first; * is what most want)
#:  *make run                    boot the patched kernel and show real processes
#:   make run CMD='COMMAND'      run a command of yours in it
#:   make shell                  a shell in it
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
#:  *make test                   all scenarios: tests/bats in that kernel, tests/host
#:   make test TESTS=FILE...     some of them
#:   make test TAGS='TAG...'     those with one of these tags of bats: concurrent, or
#:                               long, which is for test-all; !long by default
#:   make torture ROUNDS=N SEED=N
#:                               look for lost writes, for longer
#:   make stress DURATION=SECONDS SEED=N
#:                               everything at once under load; 3600 before a release
#:   make selftests [CASE='WORD...']
#:                               the kernel's own tests of memory and of /proc, in
#:                               that kernel and in one without this project
#:   make bench                  what a listing costs, beside PAGEMAP_SCAN and others
#:   make bench CASE='NAME...' [JSON=yes]
#:                               some of it; dev/bench has the names
#:   make run CMD=tests/bench/checkpoints
#:                               what checkpoints of a server take, beside gcore
#:   make lint                   checkpatch, sparse, W=1, kernel-doc, shellcheck, ...
#:   make variants               compile it for kernels that lack something
#:
#: Test it for a day (CI runs none of this)
#:   make test-debug [TESTS=FILE...]
#:                               all scenarios, in a kernel that checks memory, locks,
#:                               page tables and leaks: any report is a failure
#:   make test-kcsan [TESTS=FILE...]
#:                               the concurrent ones, where data races are reported;
#:                               those without a function of ours do not count
#:   make test-arch              32-bit x86, arm64, s390x: KUnit, and a smoke test
#:   make test-fresh SUITE=trixie
#:                               make run and make test in a Debian that has nothing yet
#:   make test-all               these, lint, test and what is long in it, variants,
#:                               selftests and an hour of stress, with a table at the end
test: kernel tools
	@dev/setup guest tests stress bench
	@$(MAKE) -s -C tests/runtimes OUTPUT=$(tools)/ CFLAGS='$(CFLAGS)'
	@dev/kernel build um
	@TAGS='$(or $(TAGS),!long)' tests/run $(TESTS)

test-debug: tools
	@dev/setup kernel $(source) guest tests stress
	@$(MAKE) -s -C tests/runtimes OUTPUT=$(tools)/ CFLAGS='$(CFLAGS)'
	@dev/kernel build debug
	@GUEST_KERNEL=debug TAGS='$(or $(TAGS),!long)' tests/run $(or $(TESTS),tests/bats)

test-kcsan: tools
	@dev/setup kernel $(source) guest tests stress
	@dev/kernel build kcsan
	@GUEST_KERNEL=kcsan TAGS='$(or $(TAGS),concurrent$(comma)!long)' tests/run $(or $(TESTS),tests/bats)

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
#:   make tools                  build dirtycat, dirtyckpt and the tests' helpers
kernel:
	@dev/setup kernel $(source)
	@dev/kernel build

tools:
	@dev/setup tools
	@mkdir -p $(tools)
	@$(MAKE) -s -C tools/dirtycat OUTPUT=$(tools) CFLAGS='$(CFLAGS)'
	@$(MAKE) -s -C tools/dirtyckpt OUTPUT=$(tools) CFLAGS='$(CFLAGS)'
	@$(MAKE) -s -C tests/memstate OUTPUT=$(tools)/ CFLAGS='$(CFLAGS)'
	@$(MAKE) -s -C tests/programs OUTPUT=$(tools)/ CFLAGS='$(CFLAGS)'

#:
#: Use dirtycat, on this kernel as well, and dirtyckpt
#:   make install                to /usr/local; DESTDIR= and PREFIX= say otherwise
#:   make uninstall              remove what that put there
install: tools
	@$(MAKE) -s -C tools/dirtycat OUTPUT=$(tools) CFLAGS='$(CFLAGS)' \
		DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' install
	@$(MAKE) -s -C tools/dirtyckpt OUTPUT=$(tools) CFLAGS='$(CFLAGS)' \
		DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' install

uninstall:
	@$(MAKE) -s -C tools/dirtycat DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' uninstall
	@$(MAKE) -s -C tools/dirtyckpt DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' uninstall

#:
#: Put it into a kernel of your own (KERNEL_SRC=tree)
#:   make apply KERNEL_SRC=TREE  copy the new files, apply the edits
#:   make unapply KERNEL_SRC=TREE
#:                               undo that
#:   make patches                a series for 'git am', in build/patches
apply unapply:
	@dev/overlay $@ '$(KERNEL_SRC)'

patches:
	@dev/setup kernel $(source) patches
	@dev/kernel tree
	@dev/patches

#:
#: Work on it
#:   make refresh                write the .patch files anew from build/linux
#:   make clean                  remove what was built
#:   make distclean              remove the kernel source as well
refresh:
	@dev/overlay refresh

clean:
	rm -rf $(tools) $(BUILD)/linux/build-* $(BUILD)/plain/build-* $(BUILD)/selftests $(BUILD)/guest $(BUILD)/tests $(BUILD)/kvm-probe $(BUILD)/*.log

distclean:
	rm -rf $(BUILD)

#:
#: KERNEL_SRC=PATH takes another kernel than Debian's linux-source-6.12, a tree
#: or a tarball; BUILD=PATH another folder than build/; GUEST_TIMEOUT, GUEST_MEM,
#: GUEST_CPUS, GUEST_ACCEL and GUEST_KERNEL are explained in dev/guest.

comma := ,
quote = '$(subst ','\'',$(1))'
