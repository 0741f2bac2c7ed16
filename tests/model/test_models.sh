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
	cc -w -DSAFETY -o pan pan.c || return 1
	./pan -m200000 -w18 >pan.log 2>&1 # a small hash table: its default of 128 MiB takes longer to clear than the search
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
expect 0 'the slots as they are' slots
expect 1 'a slot that is published without release' slots -DRELAXED
expect 1 'a message read before its state' slots -DNO_ACQUIRE
expect 1 'a slot given back before it is read' slots -DRELAXED_TAIL
expect 1 'a slot filled before it is given back' slots -DNO_ROOM
expect 1 'a state without a number' slots -DFLAG
expect 0 'the futex lock as it is' futex_lock
expect 1 'given back without release' futex_lock -DRELAXED
expect 1 'a waiter that does not say so' futex_lock -DNO_CONTENDED
expect 0 'the seqlock as it is' snapshot
expect 1 'a write without its release fence' snapshot -DNO_FENCE
expect 1 'a write that ends without release' snapshot -DRELAXED
expect 1 'words read before the first look' snapshot -DNO_ACQUIRE
expect 1 'words read after the second look' snapshot -DNO_ACQUIRE_FENCE
expect 1 'a reader that does not try again' snapshot -DUNRETRIED
expect 1 'a later record is read at all' snapshot -DACCEPTED
expect 0 'the double buffer as it is' snapshot -DDOUBLE_BUFFER
expect 1 'a half without its release fence' snapshot -DDOUBLE_BUFFER -DNO_FENCE
expect 1 'a half that is published without release' snapshot -DDOUBLE_BUFFER -DRELAXED
expect 1 'words of a half read after the second look' snapshot -DDOUBLE_BUFFER -DNO_ACQUIRE_FENCE
expect 1 'a reader of a half that does not try again' snapshot -DDOUBLE_BUFFER -DUNRETRIED
expect 1 'a later half is read at all' snapshot -DDOUBLE_BUFFER -DACCEPTED
expect 0 'copy-and-swap as it is' snapshot -DCOPY_SWAP
expect 1 'a copy without its release fence' snapshot -DCOPY_SWAP -DNO_FENCE
expect 1 'a copy that is published without release' snapshot -DCOPY_SWAP -DRELAXED
expect 1 'words of a copy read after the second look' snapshot -DCOPY_SWAP -DNO_ACQUIRE_FENCE
expect 1 'a copy whose lap is not looked at' snapshot -DCOPY_SWAP -DUNRETRIED
expect 1 'a later copy is read at all' snapshot -DCOPY_SWAP -DACCEPTED
exit $status
