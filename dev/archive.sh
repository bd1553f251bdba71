# SPDX-License-Identifier: GPL-2.0
# Get packages of another suite of Debian. Scripts source this file after lib.sh.
# shellcheck shell=bash disable=SC2154  # $state is a variable of the scripts
#
# apt does it with a configuration of its own in a folder, so the machine's stays as it
# is. It uses the machine's mirror and proxy, and checks the archive's signature with
# Debian's keyring.

archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# archive_mirror - print the address of the machine's Debian mirror
archive_mirror() {
	local f
	for f in /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[[ ! -r $f ]] || sed -nE 's/#.*//
			s/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p
			s/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' "$f"
	done | grep -E '/debian/?$' | head -n 1 || true
}

# archive_apt PROGRAM ARGUMENT... - run a program of apt with the configuration in $state
archive_apt() {
	"$1" -qq -o "Dir::State::Lists=$state/lists" -o "Dir::Cache=$state/cache" \
		-o "Dir::Etc::SourceList=$state/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State::status=/dev/null "${@:2}"
}

# archive_update "SUITE..." HINT - make that configuration, and read the suites' lists;
# without a mirror, print the hint
archive_update() {
	local from suite
	from=$(archive_mirror)
	[[ -n $from ]] || die "apt here has no Debian mirror; $2"
	[[ -e $archive_keyring ]] || die "$archive_keyring is missing; install debian-archive-keyring"
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	for suite in $1; do
		printf 'deb [signed-by=%s] %s %s main\n' "$archive_keyring" "$from" "$suite"
	done >"$state/sources.list"
	archive_apt apt-get -o APT::Update::Error-Mode=any update >&2 || die "$1 cannot be read, or has no valid signature"
}
