#!/usr/bin/env bash
# Spin goes through every state of the models: as they are without an error, with each planted defect with one.
# usage: test_models.sh SOURCE_ROOT
set -u -o pipefail

root=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# Errors that spin finds in a model with these definitions.
errors() { # MODEL DEFINITIONS...
	local model=$1
	shift
	spin -a "$@" "$root/tests/model/$model.pml" >spin.log 2>&1 || { cat spin.log >&2; return 1; }
	cc -w -O2 -DSAFETY -o pan pan.c || return 1
	./pan -m200000 >pan.log 2>&1
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

status=0
expect() { # WANTED WORDS MODEL DEFINITIONS...
	local wanted=$1 words=$2 found
	shift 2
	found=$(errors "$@")
	echo "$words: ${found:-nothing} errors"
	if [ "${found:-none}" != "$wanted" ]; then
		grep -E "pan:|depth|error" pan.log | head -5
		status=1
	fi
}

expect 0 'the ring as it is' ring
expect 1 'published without release' ring -DRELAXED
expect 1 'woken without a fence' ring -DNO_FENCE
expect 0 'the futex lock as it is' futex_lock
expect 1 'given back without release' futex_lock -DRELAXED
expect 1 'a waiter that does not say so' futex_lock -DNO_CONTENDED
exit $status
