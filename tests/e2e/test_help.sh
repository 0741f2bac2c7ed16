#!/usr/bin/env bash
# Help texts are at most as wide as requested, have one short line per option, and list the options that the parser
# accepts.
# usage: test_help.sh PROGRAM SOURCE_ROOT
set -u -o pipefail

program=$(realpath "$1")
root=$(realpath "$2")
commands=$("$program" help bash | sed -n "s/^  \([a-z]*\)) COMPREPLY.*/\1/p")
options=$(sed -n 's/^\t{ "\([a-z-]*\)", .*/\1/p' "$root/bench/option_table.c" | sort -u)
failed=0

fail() {
	echo "FAIL $*"
	failed=1
}

# Lines of standard input that are wider than WIDTH.
wider() { # WIDTH
	awk -v width="$1" 'length($0) > width'
}

# Prints the lines of a help whose second column breaks the style: lower case, no full stop, under 60 characters before
# the choices.
badly_written() {
	awk '/^  +(-|[a-z])/ && match($0, /^ +[^ ]+( [^ ]+)*  +/) {
		does = substr($0, RLENGTH + 1); sub(/:.*/, "", does)
		if (does !~ /^[a-z]/ || does ~ /\.$/ || length(does) >= 60) print
	}'
}

[ "$(wc -w <<<"$commands")" -ge 13 ] && [ "$(wc -w <<<"$options")" -ge 40 ] || fail "commands or options were not found"

# The checks must detect these faults.
[ "$(printf '%081d\n%080d\n' 0 0 | wider 80 | wc -l)" = 1 ] || fail 'a line of 81 columns is not seen'
for line in 'Prints it' 'print it.' "print $(printf '%060d' 0)"; do
	[ -n "$(echo "      --it  $line" | badly_written)" ] || fail "\"$line\" is not seen"
done

for width in 60 80 100; do
	for command in '' $commands; do
		# shellcheck disable=SC2086 # no command is no word
		help=$(COLUMNS=$width "$program" $command --help) || fail "$command --help: exit $?"
		[ -n "$help" ] || fail "$command --help prints nothing"
		long=$(wider "$width" <<<"$help")
		[ -z "$long" ] || fail "$command --help at $width columns: $long"
	done
done
for width in 80 100; do
	for command in list doctor tune; do
		long=$(COLUMNS=$width "$program" $command | wider "$width")
		[ -z "$long" ] || fail "$command at $width columns: $long"
	done
done
long=$(COLUMNS='' "$program" run --help | wider 80)
[ -z "$long" ] || fail "run --help without a terminal: $long"
long=$("$program" help man | wider 80)
[ -z "$long" ] || fail "help man: $long"
unknown=$("$program" help man | grep '^[.'\'']' | grep -vE '^\.(TH|SH|TP|B|br)( |$)')
[ -z "$unknown" ] || fail "help man: $unknown"
for command in '' $commands; do
	# shellcheck disable=SC2086
	bad=$(COLUMNS=400 "$program" $command --help | sed '/^Exit codes\|^Formats/,$d' | badly_written)
	[ -z "$bad" ] || fail "$command --help: $bad"
done

# Ask the parser, not its table: it prints "has no option" or another error.
for command in $commands; do
	help=$("$program" "$command" --help)
	for option in $options; do
		taken=yes
		said=$("$program" "$command" "--$option" x --help 2>&1)
		[[ $said = *'has no option'* ]] && taken=no
		listed=no
		[[ $'\n'$help$'\n' =~ $'\n'"  "(-[a-z], |"    ")"--$option"[$' \n'] ]] && listed=yes
		[ $taken = $listed ] || fail "$command --$option: taken $taken, in the help $listed"
	done
done
[ $failed = 0 ] && echo "every help is as wide as asked and lists what its command takes"
exit $failed
