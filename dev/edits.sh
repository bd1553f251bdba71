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

# edits FILE PASSED - print FILE.patch without the hunks in PASSED ("1,2"), or
# nothing if no hunk is left
edits() {
	locate "$1.patch"
	awk -v passed=",$2," '
	/^@@ / { n++; keep = !index(passed, "," n ",") }
	!n && /^(---|\+\+\+) / { head = head $0 "\n" }
	n && keep { printf "%s%s\n", head, $0; head = "" }' "$top/$ours"
}

# all_hunks FILE - print the numbers of all hunks of FILE.patch
all_hunks() {
	locate "$1.patch"
	awk '/^@@ / { printf "%s%d", sep, ++n; sep = "," }' "$top/$ours"
}

# labelled FILE LABELS - print the numbers of the hunks of FILE.patch with one of
# these labels ("a,b")
labelled() {
	locate "$1.patch"
	awk -v want=",$2," '
	/^@@ / { n++; sub(/^@@ [^@]*@@ ?/, ""); if ($0 != "" && index(want, "," $0 ",")) print n }' \
		"$top/$ours" | paste -sd,
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
	!inside && $0 ~ "^([^ \t#/*].*[ *]|[*]?)" name "\\(" {
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

# probes FILE - print the probes of FILE.patch, each with its hunks in front
probes() {
	local probe all hunks
	local -r form='^(([^ :]+): )?([^ ]+ /[^/]+/: .+)$'
	all=$(all_hunks "$1")
	locate "$1.patch"
	sed -n '/^--- /q; s/^Mended: //p' "$top/$ours" | while IFS= read -r probe; do
		[[ $probe =~ $form ]] || die "$ours: malformed probe 'Mended: $probe'"
		hunks=$all
		[[ -z ${BASH_REMATCH[2]} ]] || hunks=$(labelled "$1" "${BASH_REMATCH[2]}")
		[[ -n $hunks ]] || die "$ours: no edit has a label of '$probe'"
		printf '%s %s\n' "$hunks" "${BASH_REMATCH[3]}"
	done
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

# passed_over TREE FILE - print the numbers of the hunks that TREE does not need
passed_over() {
	! has_probes "$2" || mended "$1" "$2" | cut -d' ' -f1 | join_numbers
}
