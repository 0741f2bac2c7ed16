#!/usr/bin/env bash
# An invalid scenario ends every command at once, with its sentence and the exit code of an internal error.
# usage: test_mistaken.sh PROGRAM
set -u -o pipefail

sentence='shmeter: internal error: scenario mistaken: verify() is missing: nothing would prove that the work was done'
failed=0
for command in list 'run mistaken' doctor 'report nowhere' 'help man'; do
	# shellcheck disable=SC2086  # a command and its operand
	said=$("$1" $command 2>&1)
	code=$?
	if [ "$code" != 6 ] || [ "$said" != "$sentence" ]; then
		printf 'FAIL %s: %s (exit code %s)\n' "$command" "${said%%$'\n'*}" "$code"
		failed=1
	fi
done
exit $failed
