# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2207
# Completion of dirtycat's command line for bash

_dirtycat_columns() {
	dirtycat --help | awk '/^Columns/ { on = 1 } /^$/ { on = 0 } on && $2 ~ /^[r-][m-][s-][c-]$/ { print $1 }'
}

# The last of several, separated by commas
_dirtycat_list() {
	local before=
	[[ $cur != *,* ]] || before=${cur%,*},
	COMPREPLY=($(compgen -P "$before" -W "$1" -- "${cur##*,}"))
	compopt -o nospace
}

_dirtycat() {
	local cur prev words cword split
	_init_completion -s -n , || return

	case $prev in
	-p | --pid)
		_dirtycat_list "$(command ps -A -o pid=)"
		return
		;;
	-C | --command | --name)
		COMPREPLY=($(compgen -W "$(command ps -A -o comm=)" -- "$cur"))
		return
		;;
	-u | --user)
		_dirtycat_list "$(compgen -u)"
		return
		;;
	--cgroup)
		[[ $cur == /sys/* ]] || cur=/sys/fs/cgroup/${cur#/}
		_filedir -d
		return
		;;
	--unit)
		COMPREPLY=($(compgen -W "$(systemctl list-units --no-legend --plain --type=service,scope,slice 2>/dev/null | awk '{ print $1 }')" -- "$cur"))
		return
		;;
	--sort)
		COMPREPLY=($(compgen -W "$(_dirtycat_columns | sed 'p; s/^/-/')" -- "$cur"))
		return
		;;
	--color)
		if [[ $split == true ]]; then
			COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
			return
		fi
		;;
	--json)
		if [[ $split == true ]]; then
			COMPREPLY=($(compgen -W "lines" -- "$cur"))
			return
		fi
		;;
	-o | --output)
		if [[ $cur == +* ]]; then
			cur=${cur#+}
			_dirtycat_list "$(_dirtycat_columns)"
			COMPREPLY=("${COMPREPLY[@]/#/+}")
		else
			_dirtycat_list "$(_dirtycat_columns)"
		fi
		return
		;;
	--backend)
		COMPREPLY=($(compgen -W "auto dirty_pages pagemap-scan pagemap" -- "$cur"))
		return
		;;
	--summary)
		if [[ $split == true ]]; then
			COMPREPLY=($(compgen -W "never always only" -- "$cur"))
			return
		fi
		;;
	--labels)
		_dirtycat_list "pid comm user cgroup"
		return
		;;
	--input | --diff | --output-file | --record)
		_filedir
		return
		;;
	--heatmap | --plot)
		_filedir '@(svg|png|tsv)'
		return
		;;
	--full | --top | -A | --range | -f | --flags | -d | --delay | -c | --count)
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(_parse_help "$1")" -- "$cur"))
		[[ ${COMPREPLY-} != *= ]] || compopt -o nospace
	else
		_pids
	fi
}

complete -F _dirtycat dirtycat
