# SPDX-License-Identifier: GPL-2.0
# Compare the results of tests in one kernel with those in another.
#
#	awk -f compare.awk [-v names=1] LIST ROUND=1 SIDE=1 LOG SIDE=2 LOG ROUND=2 ...
#
# SIDE 1 is the kernel without the project, 2 the one with it. A result counts if it
# differs in each round, and never the other way round; the exit status is 1 if there
# is one. A test without a difference in one round may be missing from the next. With
# names=1, print only the tests that still differ, as FOLDER COMMAND. The health of the
# kernel is a test as well.

# note WHAT RESULT - record a result; a repeated name gets a number
function note(what, result,	times) {
	times = ++said[ROUND, SIDE, test, what]
	if (times > 1)
		what = what " (" times ")"
	results[ROUND, SIDE, test, what] = result
	if (!((test, what) in known)) {
		known[test, what] = 1
		order[test, ++count[test]] = what
	}
}

# The name of a test in TAP, without values that vary between runs
function plain(name) {
	sub(/^(not )?ok [0-9]+ ?(- )?/, "", name)
	sub(/ *# (SKIP|XFAIL|XPASS|TODO|exit).*/, "", name)
	sub(/ +$/, "", name)
	gsub(/0x[0-9a-f]+/, "0x", name)
	sub(/ Extra pages .*/, "", name) # pagemap_ioctl counts them
	return name
}

function tap(line) {
	if (line ~ /# (SKIP|skip)/)
		return "skip"
	if (line ~ /# (XFAIL|xfail)/)
		return "xfail"
	return line ~ /^not/ ? "not ok" : "ok"
}

function value(round, side, test, what) {
	return (round, side, test, what) in results ? results[round, side, test, what] : "none"
}

# differs TEST WHAT - is there a difference in each round, and never the other way
# round, as if the result varies by chance? A test without an end has no result, and
# always counts.
function differs(test, what,	round, without, with, said_by) {
	split("", said_by)
	for (round = 1; round <= rounds; round++) {
		without = value(round, 1, test, what)
		with = value(round, 2, test, what)
		if (without == with && (with != "none" || what != "exit status"))
			return 0
		said_by[1, without] = said_by[2, with] = 1
		if ((without != "none" && (2, without) in said_by) ||
		    (with != "none" && (1, with) in said_by))
			return 0
	}
	return 1
}

# summary SIDE TEST - the number of results of each kind, in the first round
function summary(side, test,	i, r, n, text) {
	split("", n)
	for (i = 1; i <= count[test]; i++)
		if (order[test, i] != "exit status")
			n[value(1, side, test, order[test, i])]++
	for (i = 1; i in kinds; i++)
		if (kinds[i] in n)
			text = text (text ? ", " : "") n[kinds[i]] " " kinds[i]
	r = value(1, side, test, "exit status")
	if (r != 0 || !text)
		text = text (text ? ", " : "") "exit " r
	return text
}

function row(name, without, with) {
	printf "%-44s %-36s %s\n", name, without, with
}

BEGIN {
	split("ok skip xfail not none", kinds, " ")
	kinds[4] = "not ok"
	tests[++n] = "the kernel"
}

!ROUND {
	if ($1 != "" && $1 != "#" && $2 != "without") {
		test = $1
		for (i = 4; i <= NF; i++)
			test = test " " $i
		tests[++n] = test
	}
	next
}

ROUND > rounds { rounds = ROUND }

/^selftests: begin / {
	test = substr($0, length("selftests: begin ") + 1)
	part = ""
}

# 124 and 137 are from timeout.
/^selftests: end / { note("exit status", $3 == 124 || $3 == 137 ? "none" : $3) }

# cow and gup_longterm print the name of a test before its results.
/^# \[RUN\] / { part = substr($0, 9) ": " }
/^(not )?ok [0-9]+/ { note(part plain($0), tap($0)) }

# uffd-unit-tests
/^Testing .*\.\.\. *(done|failed|skipped)/ {
	result = $0
	sub(/.*\.\.\. */, "", result)
	sub(/[^a-z].*/, "", result)
	sub(/\.\.\..*/, "")
	note($0, result == "done" ? "ok" : result == "skipped" ? "skip" : "not ok")
}

# khugepaged, with colours
/^Run test: / { part = substr($0, 11) ": " }
/\.\.\.[. ]*\^\[\[3[0-9]m(OK|Fail|Skip|Success)/ {
	result = $0 ~ /m(OK|Success)/ ? "ok" : $0 ~ /mSkip/ ? "skip" : "not ok"
	sub(/\.\.\..*/, "")
	note(part $0, result)
}

END {
	for (i = 1; i <= n; i++) {
		test = tests[i]
		if (!((test, "exit status") in known))
			note("exit status", "none")
		bad = 0
		rows = ""
		for (j = 1; j <= count[test]; j++) {
			what = order[test, j]
			all++
			if (!differs(test, what))
				continue
			bad = 1
			differ++
			if (!names)
				rows = rows sprintf("!   %-40s %-36s %s\n", what, value(1, 1, test, what), value(1, 2, test, what))
		}
		if (names && bad)
			print test
		if (!names) {
			row(test, summary(1, test), summary(2, test))
			printf "%s", rows
		}
	}
	if (!names)
		printf("%d tests, %d results, %d differ%s\n", n - 1, all, differ,
			rounds > 1 ? " in each of " rounds " runs" : "")
	exit differ > 0
}
