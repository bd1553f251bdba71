# SPDX-License-Identifier: GPL-2.0
# Find the edits of a .patch file that a kernel needs. Scripts that apply, list or
# undo edits source this file after lib.sh.
# shellcheck shell=bash disable=SC2034,SC2154  # variables of theirs, and of lib.sh
#
# The head of X.patch may have probes, one per line:
#
#	Mended: [LABELS: ]FUNCTION /ERE/: REASON
#
# A kernel does not need the hunks with these labels ("a,b"; all by default) if
# FUNCTION of X has a line that matches the regular expression. Comments do not
# match. Several probes for one hunk are alternatives.
#
# Where hunks have different reasons, each has the label of its reason after the
# second @@, which patch(1) ignores; the paragraphs of prose begin with "[LABELS] ".

# The kernel's own files, before our edits
pristine=$kbuild/pristine

# If hunks were skipped when the overlay was applied, the tree has this file until
# the overlay is removed. It lists these hunks, so that unapply does not remove a
# fix that the kernel had before.
mended_list=dirty_pages.mended

# The numbers of the hunks of each FILE.patch to leave out ("1,2")
declare -A passed=()

# edits FILE... - print each FILE.patch without the hunks in passed[FILE], or nothing if
# no hunk is left. One call for all files takes no process for each of them.
edits() {
	local f args=()
	for f in "$@"; do
		locate "$f.patch"
		args+=("passed=,${passed[$f]:-}," "$top/$ours")
	done
	((!$#)) || awk '
	FNR == 1 { n = 0; head = "" }
	/^@@ / { n++; keep = !index(passed, "," n ",") }
	!n && /^(---|\+\+\+) / { head = head $0 "\n" }
	n && keep { printf "%s%s\n", head, $0; head = "" }' "${args[@]}"
}

# names_of FILE HUNKS - print the labels of these hunks ("1,2"), or the numbers of
# those that have none
names_of() {
	locate "$1.patch"
	awk -v want=",$2," '
	/^@@ / && index(want, "," ++n ",") { sub(/^@@ [^@]*@@ ?/, ""); print $0 == "" ? n : $0 }' \
		"$top/$ours" | sort -u | paste -sd,
}

# has_line FILE FUNCTION ERE - is there such a line in the body of that function?
has_line() {
	[[ -e $1 ]] && NAME=$2 LINE=$3 awk '
	BEGIN { name = ENVIRON["NAME"]; line = ENVIRON["LINE"] }
	!inside && index($0, name "(") && $0 ~ "^([^ \t#/*].*[ *]|[*]?)" name "\\(" {
		inside = 1
		body = 0
	}
	!inside { next }
	/^{/ { body = 1 }
	{
		text = $0
		gsub(/\/\*.*/, "", text)
		sub(/^[ \t]+\*([ \t\/].*)?$/, "", text)
		sub(/\/\/.*/, "", text)
	}
	body && text ~ line { found = 1; exit }
	/^}/ || (!body && /;$/) { inside = 0 }
	END { exit !found }' "$1"
}

# kernel_file TREE FILE - print the path of the kernel's FILE without our edits
kernel_file() {
	if [[ $1 == "$tree" && -e $pristine/$2 ]]; then
		printf '%s\n' "$pristine/$2"
	else
		printf '%s\n' "$1/$2"
	fi
}

# has_probes FILE - does FILE.patch have any? It takes no process to find out that most
# have none.
has_probes() {
	local text=''
	locate "$1.patch"
	IFS= read -r -d '' text <"$top/$ours" || true
	[[ $text == *$'\nMended: '* ]]
}

# probes FILE - print the probes of FILE.patch, each with the numbers of its hunks in front
probes() {
	locate "$1.patch"
	awk -v name="${0##*/}: $ours" '
	function invalid(problem) {
		printf "%s: %s\n", name, problem > "/dev/stderr"
		exit 1
	}
	function add(numbers, more) { return numbers (numbers != "" && more != "" ? "," : "") more }
	NR == FNR && /^@@ / {
		all = add(all, ++n)
		sub(/^@@ [^@]*@@ ?/, "")
		labelled[$0] = add(labelled[$0], n)
	}
	NR == FNR { next }
	/^--- / { exit }
	sub(/^Mended: /, "") {
		probe = $0
		hunks = all
		if (match($0, /^[^ :]+: /)) {
			hunks = ""
			count = split(substr($0, 1, RLENGTH - 2), label, ",")
			for (i = 1; i <= count; i++)
				hunks = add(hunks, labelled[label[i]])
			$0 = substr(probe, RLENGTH + 1)
		}
		if ($0 !~ /^[^ ]+ \/[^\/]+\/: ./)
			invalid("malformed probe '\''Mended: " probe "'\''")
		if (hunks == "")
			invalid("no edit has a label of '\''" probe "'\''")
		print hunks, $0
	}' "$top/$ours" "$top/$ours"
}

# probed FILE - print the numbers of the hunks of FILE.patch that have a probe
probed() {
	! has_probes "$1" || probes "$1" | cut -d' ' -f1 | join_numbers
}

join_numbers() {
	tr ',' '\n' | sort -nu | paste -sd,
}

# mended TREE FILE - for each probe that matches in TREE, print the hunks of
# FILE.patch that TREE does not need, and the reason
mended() {
	local hunks rest
	local -r form='^([^ ]+) /([^/]+)/: (.*)$'
	probes "$2" | while read -r hunks rest; do
		[[ $rest =~ $form ]] || continue
		if has_line "$(kernel_file "$1" "$2")" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"; then
			printf '%s %s\n' "$hunks" "${BASH_REMATCH[3]}"
		fi
	done
}

# find_passed TREE FILE... - set passed[FILE] to the hunks that TREE does not need
find_passed() {
	local f
	for f in "${@:2}"; do
		passed[$f]=''
		! has_probes "$f" || passed[$f]=$(mended "$1" "$f" | cut -d' ' -f1 | join_numbers)
	done
}
