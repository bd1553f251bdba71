#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtycat's service under systemd, in its sandbox.

load lib

units=/run/systemd/system

setup() {
	dirtycat=$BATS_TEST_DIRNAME/../../tools/dirtycat
	mount -t tmpfs tmpfs /var/lib
	mkdir -p $units /var/lib/prometheus/node-exporter
}

teardown() {
	{
		kill -KILL "$systemd" || true
		wait "$systemd" || true
	} 2>/dev/null
	umount -l /var/lib
}

# unit NAME - write that unit from standard input, without default dependencies
unit() {
	mkdir -p "$units/$1.d"
	printf '[Unit]\nDefaultDependencies=no\n' >"$units/$1.d/default.conf"
	cat >"$units/$1"
}

# start_systemd UNIT - as the first process of a namespace
start_systemd() {
	env container=other unshare --pid --fork --kill-child --mount-proc --cgroup \
		/lib/systemd/systemd --system --unit="$1" >/tmp/systemd 2>&1 3>&- &
	systemd=$!
}

# probe UNIT - report its sandbox in /run/sandbox.UNIT
probe() {
	cat >"$units/$1.d/probe.conf" <<-END
		[Service]
		StandardOutput=file:/run/sandbox.$1
		StandardError=file:/run/error.$1
		ExecStartPost=/bin/grep -E ^(Uid|NoNewPrivs|Seccomp|CapBnd|CapEff): /proc/self/status
		ExecStartPost=/bin/sh -c '! touch /var/lib/probe /run/probe'
	END
}

@test "the service reads all processes in its sandbox, and as another user by the lines of the manual" {
	local name file
	unit sleep.service <<-'END'
		[Service]
		Type=exec
		User=daemon
		ExecStart=/usr/bin/sleep 1000
	END
	for name in dirtycat other; do
		sed 's|@bindir@|/run/bin|' "$dirtycat/exporter/dirtycat.service.in" | unit $name.service
		probe $name.service
	done
	sed -n '/^\[Service\]$/,/^\.EE$/p' "$dirtycat/dirtycat.1" | grep -v '^\.EE' |
		sed 's/^User=dirtycat$/User=nobody/' >$units/other.service.d/user.conf
	grep -q ^User=nobody $units/other.service.d/user.conf
	unit all.service <<-'END'
		[Unit]
		Wants=sleep.service dirtycat.service other.service
		After=sleep.service dirtycat.service other.service
		[Service]
		Type=oneshot
		StandardOutput=file:/run/results
		ExecStart=/bin/systemctl show -p Result -p ExecMainStatus dirtycat.service other.service
		ExecStart=/bin/cp -r /var/lib/prometheus/node-exporter /var/lib/dirtycat /tmp
		ExecStart=/bin/touch /run/done
	END
	# Start the process to read before its readers.
	for name in dirtycat other; do
		printf '[Unit]\nAfter=sleep.service\n' >$units/$name.service.d/order.conf
	done
	start_systemd all.service
	wait_until test -e /run/done -o ! -e /proc/$systemd
	cat /run/error.* /run/results
	[[ $(grep -c '^Result=success$' /run/results) == 2 && $(grep -c '^ExecMainStatus=0$' /run/results) == 2 ]]
	for name in dirtycat other; do
		file=/tmp/node-exporter/dirtycat.prom
		[[ $name == dirtycat ]] || file=/tmp/dirtycat/dirtycat.prom
		grep -qxF 'dirtycat_read_success{comm="sleep",cgroup="/system.slice/sleep.service"} 1' $file
		grep -qxF 'dirtycat_read_success{comm="systemd",cgroup="/init.scope"} 1' $file
		run ! grep -E '^dirtycat_read_success.* 0$' $file
		[[ -z $(promtool check metrics <$file 2>&1) ]]
		grep -qP '^Seccomp:\t2$' /run/sandbox.$name.service
		grep -qP '^NoNewPrivs:\t1$' /run/sandbox.$name.service
		grep -qP '^CapBnd:\t0000000000080004$' /run/sandbox.$name.service
		grep -qP '^CapEff:\t0000000000080004$' /run/sandbox.$name.service
	done
	grep -qP '^Uid:\t0\t' /run/sandbox.dirtycat.service
	grep -qP '^Uid:\t65534\t' /run/sandbox.other.service
}
