#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2030,SC2031  # each test is a subshell
# dirtycat on servers and runtimes, on the kernel of this machine.

load wait

setup_file() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	dev/setup tests
	make -s -C tools/dirtycat OUTPUT="$BATS_FILE_TMPDIR/tools"
}

setup() {
	PATH=$BATS_FILE_TMPDIR/tools:$PATH
	cd "$BATS_TEST_TMPDIR" || return
	started=() server='' folder=''
}

teardown() {
	# PostgreSQL ends its processes and removes its shared memory.
	if [[ -n $server ]]; then
		kill -QUIT "$server"
		wait_until has_ended "$server" || kill -KILL "$server"
	fi
	if ((${#started[@]})); then
		{
			kill -KILL "${started[@]}"
			wait "${started[@]}" || true
		} 2>/dev/null
	fi
	[[ -z $folder ]] || rm -rf "$folder"
}

# sums COLUMNS SELECTION... - print a row of sums in bytes for each process
sums() {
	dirtycat --summary=only --raw --bytes --noheadings -o "$@"
}

# start COMMAND... - start a program, $pid, that answers each line with a line
start() {
	mkfifo orders answers
	"$@" <orders >answers 3>&- &
	pid=$!
	started+=("$pid")
	exec {orders}>orders {answers}<answers
	order 1
}

# order LINE - send it, and wait for the answer
order() {
	echo "$1" >&"$orders"
	read -r -t 120 _ <&"$answers"
}

# grows - DIRTY of the program grows by at least the 48 MiB that it allocates
grows() {
	local before after
	before=$(sums DIRTY "$pid")
	order 48
	after=$(sums DIRTY "$pid")
	echo "$((after - before)) bytes more"
	((after - before >= 48 << 20 && after - before < 80 << 20))
}

# postgres_command NAME ARGUMENT... - run a program of PostgreSQL, which refuses root
postgres_command() {
	local as=()
	((EUID)) || as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	exec "${as[@]}" "$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)/$1" "${@:2}" 3>&-
}

# backends NUMBER - are there so many that sleep?
backends() {
	(($(pgrep -fc "^postgres: $name: .* \[local\] SELECT") == $1))
}

@test "backends of PostgreSQL are selected by title, and the one with a large temporary table is the first" {
	folder=$(mktemp -d)
	((EUID)) || chown 65534:65534 "$folder"
	name=dirtycat$$
	(postgres_command initdb -D "$folder/data" -A trust -U postgres --no-sync) >log 2>&1
	postgres_command postgres -D "$folder/data" -k "$folder" -c listen_addresses= -c cluster_name=$name \
		-c shared_buffers=16MB -c fsync=off 2>log &
	server=$!
	wait_until psql -h "$folder" -U postgres -qtc "SELECT 1" >log 2>&1
	for _ in {1..8}; do
		psql -h "$folder" -U postgres -qtc "SELECT pg_sleep(1000)" >log 3>&- &
		started+=($!)
	done
	psql -h "$folder" -U postgres -qt >large 3>&- <<-'END' &
		SET temp_buffers = '64MB';
		CREATE TEMP TABLE t AS SELECT repeat('x', 1000) FROM generate_series(1, 30000);
		SELECT pg_backend_pid();
		SELECT pg_sleep(1000);
	END
	started+=($!)
	wait_until grep -q '[0-9]' large
	wait_until backends 9
	large=$(tr -dc 0-9 <large)

	sums PID --full "^postgres: $name: " | sort >got
	pgrep -f "^postgres: $name: " | sort | diff - got
	(($(wc -l <got) >= 12))
	run -0 dirtycat --summary=only --json -o ARGS --full "^postgres: $name: checkpointer"
	run -0 jq -r '.processes[].args' <<<"$output"
	[[ $output =~ ^"postgres: $name: checkpointer"\ *$ ]]
	run -0 sums PID,DIRTY,SHARED --full "^postgres: $name: .* \[local\]" --sort -DIRTY --top 1
	read -r first dirty shared <<<"$output"
	[[ $first == "$large" ]]
	((dirty > 30 << 20))
	# The server has forked it, and shares pages with all of its children.
	((shared > 0 && shared < dirty / 4))
	run -0 dirtycat --record record -c 3 -d 0.2 --heatmap map.svg --full "^postgres: $name: .* \[local\]"
	run -0 python3 -c '
import xml.dom.minidom
texts = [t.firstChild.data for t in xml.dom.minidom.parse("map.svg").getElementsByTagName("text") if t.firstChild]
print(sum(t.strip().startswith("postgres (") for t in texts))'
	[[ $output == 9 ]]
}

@test "the child of redis-server is selected by its title during BGSAVE" {
	redis-server --port 0 --unixsocket "$PWD/socket" --save "" --dir "$PWD" --daemonize no \
		--enable-debug-command yes --rdb-key-save-delay 20000 >log 3>&- &
	redis=$!
	started+=("$redis")
	wait_until redis-cli -s socket ping
	redis-cli -s socket debug populate 5000 key 1000
	redis-cli -s socket bgsave
	wait_until pgrep -P $redis
	child=$(pgrep -P $redis)
	started+=("$child")
	run -0 sums PID,SHARED --full "^redis-rdb-bgsave .*$PWD/socket"
	[[ ${lines[0]} == "$child "* && ${#lines[@]} == 1 ]]
	((${output#* } > 4 << 20))
}

@test "DIRTY of a Java program grows by the arrays that it fills" {
	cat >Grow.java <<-'END'
		public class Grow {
			static final java.util.List<byte[]> kept = new java.util.ArrayList<>();

			public static void main(String[] args) throws Exception {
				var input = new java.io.BufferedReader(new java.io.InputStreamReader(System.in));
				for (String line = input.readLine(); line != null; line = input.readLine()) {
					for (int n = Integer.parseInt(line); n > 0; n--) {
						byte[] block = new byte[1 << 20];
						java.util.Arrays.fill(block, (byte) 1);
						kept.add(block);
					}
					System.out.println("done");
				}
			}
		}
	END
	java -m jdk.compiler/com.sun.tools.javac.Main Grow.java
	start java -Xms256m -Xmx256m -Xmn200m -XX:+UseSerialGC -XX:-UsePerfData Grow
	grows
}

@test "DIRTY of a node program grows by the buffers that it fills" {
	start node -e '
const kept = [];
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
	kept.push(Buffer.alloc(Number(line) << 20, 1));
	console.log("done");
});'
	grows
}
