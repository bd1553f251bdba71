# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2207
# Completion of dirtyckpt's command line for bash

# Print the options of a command. --help lists their commands in parentheses.
_dirtyckpt_options() {
	dirtyckpt --help | awk -v command="$1" '
		/^Options/ { on = 1; next }
		/^$/ { on = 0 }
		!on { next }
		$0 !~ /\)$/ || $0 ~ "[(, ]" command "[,)]" {
			for (i = 1; i <= NF && $i ~ /^-/; i++) {
				sub(/[,=[].*/, "", $i)
				print $i
			}
		}'
}

_dirtyckpt_commands() {
	dirtyckpt --help | awk '/^Commands/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'
}

_dirtyckpt() {
	local cur prev words cword
	_init_completion || return

	if ((cword == 1)); then
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "--help --version" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(_dirtyckpt_commands)" -- "$cur"))
		fi
		return
	fi
	case $prev in
	--rounds | --until-pages | --keep)
		return
		;;
	save | verify | restore)
		if [[ $cur != -* ]]; then
			COMPREPLY=($(compgen -W "$(command ps -A -o pid=)" -- "$cur"))
			return
		fi
		;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(_dirtyckpt_options "${words[1]}")" -- "$cur"))
	else
		_filedir
	fi
}

complete -F _dirtyckpt dirtyckpt
