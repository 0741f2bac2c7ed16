# shellcheck shell=bash
# shellcheck disable=SC2034 # the sourcing test looks at some
# Shared by the tests of the program.  The sourcing test sets $root to the source folder and $program to the program, if
# it needs one.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
export SHMETER_STATE_DIR=$scratch/state
failed=0
fail() {
	echo "FAIL: $*"
	failed=1
}
# expect CODE WORDS COMMAND...: checks the exit code, and that the output, joined to one line, matches an extended
# regular expression.
expect() {
	local code=$1 words=$2 got
	shift 2
	"$@" >out 2>err </dev/null
	got=$?
	[ $got = "$code" ] || fail "$*: exit $got instead of $code: $(cat out err)"
	cat out err | tr -s ' \n' ' ' | grep -qE -- "$words" || fail "$*: no \"$words\" in: $(cat out err)"
}
# tried DIR RUN...: measures into DIR; on a busy machine a short run can be lost as a whole (exit 5): then again, up to five
# times.
# shellcheck disable=SC2317 # called by expect
tried() {
	local try rc
	for try in 1 2 3 4 5; do
		rm -rf "$1"
		"$program" run "${@:2}" --out "$1" >tried.out 2>tried.err
		rc=$?
		[ $rc = 5 ] || break
	done
	cat tried.out
	cat tried.err >&2
	return $rc
}
# refused CODE WORDS COMMAND...: checks the exit code, and that the only output is one sentence with the words.
refused() {
	local code=$1 words=$2 got
	shift 2
	"$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$code" ] && [ "$(wc -l <err)" = 1 ] && grep -q '^shmeter: ' err && grep -qF -- "$words" err && [ ! -s out ] ||
		fail "$*: exit $got, not $code: $(cat out err)"
}
# finds DEFECT CHECK WORDS: expects that `plugin check` fails DEFECT.so, which `plant DEFECT` of the sourcing test makes, in
# CHECK, with the words in its evidence; prints which checks fail, and leaves their lines in the file found.  `check` and
# `brief` are the command and its bounds.
finds() {
	local got
	plant "$1"
	"${check[@]}" "$1.so" --json "${brief[@]}" >found.json 2>err
	got=$?
	[ $got = 1 ] || fail "$1: exit $got: $(cat found.json err)"
	jq -r '(.transports + .locks)[0].checks[] | select(.verdict == "fail") | "\(.check): \(.evidence)"' found.json >found
	printf '%-14s %s\n' "$1" "$(cut -d: -f1 found | tr '\n' ' ')"
	grep -qE "^$2: .*$3" found || fail "$1 is not found by $2 ($3): $(cat found)"
}
# here PROGRAM PACKAGE: whether a program that reads exports is installed; a missing one fails the test.
here() {
	if ! command -v "$1" >/dev/null && ! [ -e "$1" ]; then
		fail "$1 is missing: install $2 (scripts/bootstrap --test does)"
		return 1
	fi
}
# quiet FOLDER [VARIANT=NS...]: makes a run as if measured on a quiet machine: slices of 4 ns an operation, or of another
# time for a variant, which differ by up to 1 % within a trial; nobody else was at work.  Each slice
# has as many operations, and its time is a multiple of 1000: where it is rounded, also after a change by three digits, equal
# cases differ a little, and by chance in most blocks, which is a control that moved.
quiet() {
	local folder=$1
	shift
	awk -F, -v OFS=, -v times="$*" '
		BEGIN { CONVFMT = OFMT = "%.0f"; split(times, list, " "); for (i in list) { split(list[i], of, "="); time[of[1]] = of[2] } }
		FNR == 1 { files++; for (i = 1; i <= NF; i++) column[$i] = i; print > (FILENAME ".quiet"); next }
		files == 1 {
			each[$2] = $4 in time ? time[$4] : 4
			if ($column["slices"] > 0) $column["flat"] = "yes"
			$column["steal_ns"] = 0
		}
		files == 2 {
			$3 = 2500000
			$4 = each[$1] * 250 * (9900 + $2 * 3571 % 201)
			$5 = $4
			$7 = $8 = 300
			$9 = $10 = $11 = 0
			$12 = "no"
		}
		{ print > (FILENAME ".quiet") }' "$folder/samples.csv" "$folder/slices.csv"
	mv "$folder/samples.csv.quiet" "$folder/samples.csv"
	mv "$folder/slices.csv.quiet" "$folder/slices.csv"
	jq '.noise.others_percent = 0' "$folder/manifest.json" >quiet.json && mv quiet.json "$folder/manifest.json"
}
