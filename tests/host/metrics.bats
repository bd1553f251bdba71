#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Metrics for fleets: the units, their rights, and the result in node_exporter.

setup_file() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	# The variables of the make that runs the tests would change this one.
	unset MAKEFLAGS MAKELEVEL
	make -s install PREFIX="$BATS_FILE_TMPDIR"
	# Other users run it as well.
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/file" "$BATS_FILE_TMPDIR"
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	PATH=$BATS_FILE_TMPDIR/bin:$PATH
	service=$BATS_FILE_TMPDIR/lib/systemd/system/dirtycat.service
	alerts=$BATS_FILE_TMPDIR/share/doc/dirtycat/alerts.yml
	children=()
}

teardown() {
	local child
	for child in "${children[@]}"; do
		kill -KILL "$child" && wait "$child"
	done 2>/dev/null || true
}

# wait_for COMMAND... - wait until it succeeds, while the last child runs
wait_for() {
	until "$@"; do
		kill -0 "${children[-1]}" || return
		sleep 0.1
	done >"$BATS_TEST_TMPDIR/waited" 2>&1
}

# sleeper COMMAND... - a process that changes nothing, as that command runs it: $!
sleeper() {
	"$@" sleep 1000 3>&- &
	children+=($!)
	wait_for grep -qx sleep "/proc/$!/comm"
}

# setting NAME - of the service; the last one if there are several
setting() {
	sed -nE "s/^$1=\"?([^\"]*)\"?$/\\1/p" "$service" | tail -n 1
}

# as_service FILE PROCESSES... - run the command of the service
# shellcheck disable=SC2016  # variables of the unit
as_service() {
	local command
	command=$(setting ExecStart)
	command=${command//'${OUTPUT}'/$1}
	command=${command//'${LABELS}'/$(sed -n 's/^Environment=LABELS=//p' "$service")}
	# shellcheck disable=SC2086  # several words
	"${rights[@]}" ${command//'$PROCESSES'/${*:2}}
}

# with_rights UID CAPABILITY... - set $rights to a command that grants only these
with_rights() {
	local set=-all capability
	for capability in "${@:2}"; do
		capability=${capability#CAP_}
		set+=,+${capability,,}
	done
	rights=(setpriv --reuid="$1" --regid="$1" --clear-groups --no-new-privs
		--inh-caps="$set" --ambient-caps="$set" --bounding-set="$set")
}

@test "systemd verifies the units, and none is enabled" {
	[[ $(setting ExecStart) == "$BATS_FILE_TMPDIR/bin/dirtycat "* ]]
	run ! grep -hE '@[a-z]+@' "$service" "${service%service}timer"
	[[ -z $(find "$BATS_FILE_TMPDIR/lib/systemd" -type l) ]]
	run -0 systemd-analyze verify --man=no "$service" "${service%service}timer"
	[[ -z $output ]]
	run -0 systemd-analyze security --offline=yes --threshold=25 "$service"
}

@test "the rights of the service suffice, for root and for any user, and each is needed" {
	local uid
	read -ra capabilities <<<"$(setting CapabilityBoundingSet)"
	[[ ${capabilities[*]} == "CAP_DAC_READ_SEARCH CAP_SYS_PTRACE" ]]
	[[ $(setting AmbientCapabilities) == "${capabilities[*]}" ]]
	sleeper env
	sleeper setpriv --reuid=54321 --regid=54321 --clear-groups
	for uid in 0 12345; do
		mkdir "$BATS_TEST_TMPDIR/$uid"
		chown $uid "$BATS_TEST_TMPDIR/$uid"
		chmod a+x "$BATS_TEST_TMPDIR"
		file=$BATS_TEST_TMPDIR/$uid/dirtycat.prom
		with_rights $uid "${capabilities[@]}"
		as_service "$file" "${children[@]}"
		grep -q '^dirtycat_read_success{comm="sleep",cgroup="[^"]*"} 1$' "$file"
		grep -q '^dirtycat_processes{comm="sleep",cgroup="[^"]*"} 2$' "$file"
		[[ $(stat -c %a "$file") == 644 ]]
		# Each is needed.
		for capability in "${capabilities[@]}"; do
			with_rights $uid "$capability"
			run -3 as_service "$file" "${children[@]}"
			grep -q '^dirtycat_read_success{comm="sleep",cgroup="[^"]*"} 0$' "$file"
			run ! grep -q '^dirtycat_private_dirty_bytes{' "$file"
		done
	done
	# One's own processes take none.
	with_rights 54321
	"${rights[@]}" dirtycat "${children[1]}" >/dev/null
}

# under_hidepid COMMAND... - dirtycat by that command, of a process that /proc hides
under_hidepid() {
	# shellcheck disable=SC2016  # for that shell
	unshare --pid --fork --mount bash -c '
		mount -t proc -o hidepid=invisible proc /proc
		sleep 1000 3>&- &
		while ! grep -qx sleep "/proc/$!/comm"; do sleep 0.1; done
		"$@" dirtycat --openmetrics $!' - "$@"
}

@test "the rights of the service see through hidepid, and each is needed there" {
	with_rights 12345 CAP_DAC_READ_SEARCH CAP_SYS_PTRACE
	run -0 under_hidepid "${rights[@]}"
	[[ $output == *'dirtycat_read_success{pid='*'"} 1'* ]]
	with_rights 12345 CAP_DAC_READ_SEARCH
	run -2 under_hidepid "${rights[@]}"
	[[ $output == *": no such process"* ]]
	with_rights 12345 CAP_SYS_PTRACE
	run -3 under_hidepid "${rights[@]}"
	[[ $output == *'dirtycat_read_success{pid='*'"} 0'* ]]
}

@test "node_exporter shows the metrics of the service, and those of a second file" {
	local address name
	mkdir "$BATS_TEST_TMPDIR/textfile"
	sleeper env
	sleeper env
	rights=()
	as_service "$BATS_TEST_TMPDIR/textfile/dirtycat.prom" "${children[@]}"
	dirtycat --openmetrics --output-file "$BATS_TEST_TMPDIR/textfile/each.prom" "${children[0]}"
	for name in dirtycat each; do
		run -0 promtool check metrics <"$BATS_TEST_TMPDIR/textfile/$name.prom"
		[[ -z $output ]]
	done
	chmod a+x "$BATS_TEST_TMPDIR"
	setpriv --reuid=12345 --regid=12345 --clear-groups prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory="$BATS_TEST_TMPDIR/textfile" \
		--web.listen-address=127.0.0.1:0 >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
	children+=($!)
	wait_for grep 'Listening on' "$BATS_TEST_TMPDIR/log"
	address=$(grep -oP 'Listening on.*address=\K\S+' "$BATS_TEST_TMPDIR/log")
	python3 -c 'import sys, urllib.request
sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], timeout=60).read())' \
		"http://$address/metrics" >"$BATS_TEST_TMPDIR/scraped"
	grep -qx 'node_textfile_scrape_error 0' "$BATS_TEST_TMPDIR/scraped"
	grep -q '^node_textfile_mtime_seconds{file=".*dirtycat.prom"}' "$BATS_TEST_TMPDIR/scraped"
	run ! grep -iE 'inconsistent|level=(warn|error)' "$BATS_TEST_TMPDIR/log"
	normal() {
		python3 -c 'import re, sys
for line in sys.stdin:
    found = re.fullmatch(r"(dirtycat_\w+)(?:\{(.*)\})? (.*)\n", line)
    if found:
        labels = re.findall(r"(\w+)=(\"(?:[^\"\\]|\\.)*\")", found[2] or "")
        print(found[1], sorted(l for l in labels if l[1] != "\"\""), float(found[3]))' | sort
	}
	cat "$BATS_TEST_TMPDIR"/textfile/*.prom | normal >"$BATS_TEST_TMPDIR/written"
	(($(wc -l <"$BATS_TEST_TMPDIR/written") > 12))
	normal <"$BATS_TEST_TMPDIR/scraped" | diff "$BATS_TEST_TMPDIR/written" -
}

@test "promtool accepts the alert rules, and the metrics in them exist" {
	run -0 promtool check rules "$alerts"
	dirtycat --openmetrics --labels comm $$ >"$BATS_TEST_TMPDIR/metrics"
	grep -oE 'dirtycat_[a-z_]+' "$alerts" | sort -u >"$BATS_TEST_TMPDIR/named"
	(($(wc -l <"$BATS_TEST_TMPDIR/named") >= 4))
	while read -r name; do
		grep -q "^# TYPE $name gauge$" "$BATS_TEST_TMPDIR/metrics" || {
			echo "$name"
			return 1
		}
	done <"$BATS_TEST_TMPDIR/named"
}

@test "each alert fires when it should, and all are silent when all is well" {
	cp "$alerts" "$BATS_TEST_TMPDIR/alerts.yml"
	cat >"$BATS_TEST_TMPDIR/tests.yml" <<-'END'
		rule_files: [alerts.yml]
		evaluation_interval: 1m
		tests:
		  - interval: 1m
		    input_series:
		      - series: dirtycat_private_dirty_bytes{comm="good",instance="a"}
		        values: 1000000000x600
		      - series: dirtycat_private_dirty_swapped_bytes{comm="good",instance="a"}
		        values: 0x600
		      - series: dirtycat_private_dirty_lost_bytes{comm="good",instance="a"}
		        values: 0x600
		      - series: dirtycat_read_success{comm="good",instance="a"}
		        values: 1x600
		      - series: node_memory_MemTotal_bytes{instance="a"}
		        values: 8000000000x600
		      - series: node_textfile_mtime_seconds{instance="a",file="/textfile/dirtycat.prom"}
		        values: 0+60x600
		    alert_rule_test:
		      - {eval_time: 10h, alertname: DirtycatStale}
		      - {eval_time: 10h, alertname: DirtycatCannotRead}
		      - {eval_time: 10h, alertname: PrivateDirtyGrows}
		      - {eval_time: 10h, alertname: PrivateDirtyFillsMemory}
		      - {eval_time: 10h, alertname: PrivateDirtySwapped}
		      - {eval_time: 10h, alertname: PrivateDirtyLost}
		  - interval: 1m
		    input_series:
		      - series: dirtycat_private_dirty_bytes{comm="bad",instance="a"}
		        values: 1000000000+10000000x600
		      - series: dirtycat_private_dirty_swapped_bytes{comm="bad",instance="a"}
		        values: 2000000000x600
		      - series: dirtycat_private_dirty_lost_bytes{comm="bad",instance="a"}
		        values: 4096x600
		      - series: dirtycat_read_success{comm="bad",instance="a"}
		        values: 0x600
		      - series: node_memory_MemTotal_bytes{instance="a"}
		        values: 8000000000x600
		      - series: node_textfile_mtime_seconds{instance="a",file="/textfile/dirtycat.prom"}
		        values: 0x600
		    promql_expr_test:
		      - expr: count by (alertname) (ALERTS{alertstate="firing"})
		        eval_time: 10h
		        exp_samples:
		          - {labels: '{alertname="DirtycatStale"}', value: 1}
		          - {labels: '{alertname="DirtycatCannotRead"}', value: 1}
		          - {labels: '{alertname="PrivateDirtyGrows"}', value: 1}
		          - {labels: '{alertname="PrivateDirtyFillsMemory"}', value: 1}
		          - {labels: '{alertname="PrivateDirtySwapped"}', value: 1}
		          - {labels: '{alertname="PrivateDirtyLost"}', value: 1}
	END
	run -0 promtool test rules "$BATS_TEST_TMPDIR/tests.yml"
}
