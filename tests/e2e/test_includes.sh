#!/usr/bin/env bash
# The arrows of the architecture: who may include what.  Plants a violation of each rule in a copy and wants
# it seen.
# usage: test_includes.sh SOURCE_ROOT
set -u -o pipefail

root=$(realpath "$1")

# Prints what is forbidden in a tree.
violations() {
	local tree=$1
	# the harness knows neither scenarios nor the program
	grep -rnE '#include "(\.\./)*(scenarios|bench)/|#include "(registry|program)\.h"' "$tree/harness" \
		--include='*.[ch]'
	# public headers include public headers alone
	grep -rnE '#include "' "$tree/harness/include" --include='*.h' | grep -v '#include "shmeter/'
	# scenarios see the contract and their subjects
	grep -rnE '#include "' "$tree/scenarios" --include='*.[ch]' |
		grep -vE '#include "(shmeter/(scenario|guard|spin|error|clock|histogram|region|topology|text|os)\.h|(\.\./)?(subject/)?[a-z_]+\.(h|def))"'
	grep -rnE '#include "(\.\./)*(harness|bench)/' "$tree/scenarios" --include='*.[ch]'
	# scripts and plots work on the files of a run, never on the code
	grep -rnE '#include|harness/[a-z]+/[a-z_]+\.[ch]' "$tree/plots"
}

found=$(violations "$root")
if [ -n "$found" ]; then
	printf 'forbidden includes:\n%s\n' "$found"
	exit 1
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
plant() { # FILE LINE
	rm -rf "${copy:?}"/*
	cp -r "$root/harness" "$root/scenarios" "$root/plots" "$copy"
	printf '%s\n' "$2" >>"$copy/$1"
	if [ -z "$(violations "$copy")" ]; then
		echo "not seen: $2 in $1"
		exit 1
	fi
}
plant harness/plan/case.c '#include "../../scenarios/registry.h"'
plant harness/trial/gate.c '#include "program.h"'
plant harness/include/shmeter/plan.h '#include "../trial/control.h"'
plant scenarios/coherence/false_sharing.c '#include "shmeter/trial.h"'
plant scenarios/calibration/aa.c '#include "../../harness/trial/control.h"'
plant plots/forest.gp '#include "harness/report/page.c"'
echo "the arrows hold, and six planted violations were seen"
