#!/usr/bin/env bash
# A whole run writes what results/README.md describes: every file, every column, well-formed figures.
# usage: test_run.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"

"$program" run 'false_sharing' transport_latency/pipe transport_latency/shm_ring first_touch/4k \
	--set message=64,4096 --set op=atomic_add --set work=0 -q >out 2>err || fail "run: $(cat err)"
[ -s err ] && fail "it complains: $(cat err)"
folder=results/latest
[ -L $folder ] || fail 'no results/latest'
for file in manifest.json samples.csv slices.csv counters.csv summary.csv pairs.csv claims.csv report.html; do
	[ -s $folder/$file ] || fail "no $file"
done
# The run's own report and a report from its files are equal to the last digit.
mkdir found && cp $folder/*.csv $folder/analysis.json found
"$program" report $folder --no-plots -q --out anew >/dev/null || fail 'report'
for file in anew/*.csv anew/analysis.json; do
	cmp "$file" "found/${file##*/}" || fail "the run and report differ"
done
ls $folder/histograms/*.hgrm >/dev/null || fail 'no histogram'
figures=$(ls $folder/plots/*.svg | wc -l)
[ "$figures" -ge 5 ] || fail "$figures figures"
for svg in "$folder"/plots/*.svg; do
	xmllint --noout "$svg" || fail "$svg is no XML"
	[ -s "${svg%.svg}.png" ] && [ -s "${svg%.svg}.gp" ] && [ -s "${svg%.svg}.dat" ] || fail "$svg stands alone"
done
(cd $folder/plots && rm -f ratios.svg && gnuplot ratios.gp && [ -s ratios.svg ]) || fail 'ratios.gp does not redraw'

# The run of a machine with base pages of 16 KiB is judged and worded by these.
mkdir other && cp $folder/*.csv $folder/manifest.json other
sed -i 's/\b4k\b/16k/g; s/"page_bytes": 4096/"page_bytes": 16384/' other/manifest.json other/samples.csv
"$program" report other --no-plots -q >other/text || fail 'report of 16 KiB pages'
tr -s '\n ' ' ' <other/text | grep -q '[a-z]* Writing fresh shared memory takes exactly one minor fault per 16 KiB page 16k: ' ||
	fail "16 KiB pages: $(cat other/text)"

# Software events need no PMU: one that was off for part of the time is a defect.
awk -F, '$3 ~ /PERF_COUNT_SW_/ && $NF == "scaled"' $folder/counters.csv | grep . && fail 'a software event is scaled'

# Nodes are recorded by the kernel's numbers: here those that the environment gives to two PUs.
if taskset -c 0,1 true 2>err; then
	taskset -c 0,1 env HWLOC_SYNTHETIC='numa:2(indexes=3,5) core:1 pu:1' "$program" run false_sharing/padded_64 \
		--placement cross-node --set processes=2 --set op=store --set work=0 --repeat-blocks 1 --slices 3 --no-plots -q \
		--out drawn >/dev/null 2>err || fail "a run on drawn nodes: $(cat err)"
	nodes=$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "nodes") at = i; next} {print $at}' drawn/samples.csv |
		sort -u | grep -v '^-$')
	[ "$nodes" = '3 5' ] || fail "samples.csv has the nodes $nodes"
	[ "$(jq -c '[.environment.pu_places[] | [.pu, .node]]' drawn/manifest.json)" = '[[0,3],[1,5]]' ] ||
		fail "the manifest places PUs on $(jq -c '[.environment.pu_places[] | [.pu, .node]]' drawn/manifest.json)"
fi

# Counters are tried on known work, or skipped with the reason: never silently.
"$program" selftest --counters >counters 2>err
case $? in
0) grep -q '^All tested counters are correct' counters || fail "counters: $(cat counters err)" ;;
5) [ "$(grep -cE '^not_testable .*: skipped: .{20}' counters)" = 4 ] || fail "skipped: $(cat counters err)" ;;
*) fail "selftest --counters: $(cat counters err)" ;;
esac

# Every column is documented, in the order of the file.
for csv in samples slices counters metrics buckets visits values purity rates summary pairs crossings claims; do
	documented=$(awk -v file="## $csv.csv" '$0 == file {on = 1; next} /^## / {on = 0}
		on && /^\| `/ {gsub(/[|` ]/, " "); print $1}' "$root/results/README.md" | paste -sd,)
	[ "$documented" = "$(head -1 $folder/$csv.csv)" ] || fail "results/README.md and $csv.csv differ:
$documented
$(head -1 $folder/$csv.csv)"
	grep -nE ',$' $folder/$csv.csv && fail "an empty last column in $csv.csv"
done
grep -iE '\bnan\b|\binf\b' $folder/*.csv $folder/manifest.json && fail 'NaN or infinity'
grep -q 'class' out && grep -q 'times as long' out || fail 'no finding in words'
grep -qE '(src|href)="(http|//)' $folder/report.html && fail 'the page wants the network'

# A run takes at most ten minutes by default; a number of blocks or a time budget overrides that.
begun() { # DIR OPTION...: a run that is stopped once it has said what it will do
	local pid
	"$program" run permission/file_0666 --profile standard --no-plots -q --out "$@" >/dev/null 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		[ -s "$1/manifest.json" ] && break
		sleep 0.05
	done
	kill -TERM $pid
	wait $pid
	[ -s "$1/manifest.json" ] || fail "$1: no manifest"
}
begun standard
begun blocks --repeat-blocks 2
begun longer --budget 40m
[ "$(jq -c .options.budget_ns standard/manifest.json blocks/manifest.json longer/manifest.json | paste -sd' ')" = \
	'600000000000 0 2400000000000' ] || fail 'the budget of a standard run'

# The analysis of the files alone gives the same result.
cp $folder/pairs.csv before.csv
"$program" report $folder --no-plots -q >again 2>err || fail "report: $(cat err)"
cmp -s before.csv $folder/pairs.csv || fail 'the analysis of the same files differs'
[ $failed = 0 ] && echo "a run leaves $figures figures and every file"
exit $failed
