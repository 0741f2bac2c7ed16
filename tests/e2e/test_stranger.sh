#!/usr/bin/env bash
# A run folder may come from an attacker: payloads in each of its strings go through every command, and the resulting
# pages through Chromium.  Also links in the folder, and a gnuplot that hangs, crashes or draws nothing.
# usage: test_stranger.sh SOURCE_ROOT PROGRAM
# Without Chromium or the npm packages (scripts/bootstrap --test gets both) the part that needs them is skipped: the
# test says so and exits 77 after it has run the rest.
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"

# A fixed folder, independent of this machine, and one of this machine, which can be resumed.
cp -r "$root/tests/fuzz/template" good
"$program" run aa null_loop --repeat-blocks 1 --no-plots -q --out own >out 2>err || fail "run: $(cat err)"
mkdir pages
python3 "$root/tests/campaign/hostile.py" "$program" good --sample --pages pages || failed=1

# clean WHAT FILE...: checks that the files are UTF-8 without control characters other than line ends.
clean() {
	python3 - "$@" <<'EOF' || failed=1
import re, sys
for name in sys.argv[2:]:
	text = open(name, encoding="utf-8", newline="").read()
	found = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
	if found:
		sys.exit(f"FAIL: {sys.argv[1]}: {name} holds {found.group()!r}")
EOF
}
# Foreign gates: their names appear in the terminal, in XML, Markdown and commands.
cat >gates.ini <<EOF
[$(printf '\302\233')2J $(printf '\342\200\256')gpj]
case = false_sharing/packed
against = padded_64
min = 1.01
[<b>&"'|![x(u)\`%0A::error::x]
case = aa/a
against = b
min = 3
EOF
GITHUB_STEP_SUMMARY=$PWD/summary.md "$program" check good --thresholds gates.ini --junit junit.xml --github >out 2>err
[ $? = 1 ] || [ -s junit.xml ] || fail "gates of a stranger: $(cat err)"
xmllint --noout junit.xml || fail 'junit.xml'
clean 'gates of a stranger' out err junit.xml summary.md
grep '^::' out | grep -v '^::[a-z]* title=shmeter' && fail "a command of the gates' own"

# A foreign history: a case and a unit contain payloads.
"$program" history add good --db history.sqlite -q 2>err || fail "history: $(cat err)"
sqlite3 history.sqlite "UPDATE summary SET unit = char(27) || '[2J''; system(''touch PWNED-unit'')', case_id =
	case_id || '/../../PWNED' || char(155) || '''; system(''touch PWNED-case'')' || char(10) || '!touch PWNED-bang'"
"$program" history show --db history.sqlite --out figures >out 2>err || fail "a stranger's history: $(cat err)"
clean "a stranger's history" out err
[ -z "$(find . -name 'PWNED*')" ] || fail "a stranger's history made $(find . -name 'PWNED*')"
[ -n "$(ls figures)" ] || fail "a stranger's history has no figure"
find figures -type f | grep -qv '^figures/[A-Za-z0-9_-]*\.[a-z]*$' && fail "names: $(ls figures)"

# Links lead out of the folder: no command writes through them.
"$program" report good -q >/dev/null 2>err || fail "report: $(cat err)"
echo mine >mine
rm -rf run && cp -r good run
for name in run.svg run.png run.gp run.dat ratios.dat .terminal.gp .gnuplot.log; do
	ln -sf "$scratch/mine" "run/plots/$name"
done
ln -sf "$scratch/mine" run/report.html
ln -sf "$scratch/mine" run/summary.csv
"$program" report run --term -q >/dev/null 2>err || fail "links: $(cat err)"
[ "$(cat mine)" = mine ] || fail 'a link was written through'
rm -rf run && cp -r good run && rm -rf run/plots && mkdir theirs && ln -s "$scratch/theirs" run/plots
"$program" report run -q >/dev/null 2>err || fail "plots as a link: $(cat err)"
[ -z "$(ls theirs)" ] || fail "plots as a link holds $(ls theirs)"
grep -q 'plots is no folder' err || fail "plots as a link: $(cat err)"

# A run that is resumed in a foreign folder does not write through links either, and does not wait for pipes and
# devices.
interrupted() {
	rm -rf run && cp -r own run && sed -i 's/"status": "complete"/"status": "interrupted"/' run/manifest.json
}
for file in samples slices counters metrics; do
	interrupted
	mv run/$file.csv theirs/ && cp theirs/$file.csv before && ln -s "$scratch/theirs/$file.csv" run/$file.csv
	timeout 20 "$program" run --resume run -q --no-plots >/dev/null 2>err && fail "$file.csv as a link: it goes on"
	grep -q "$file.csv is a link" err || fail "$file.csv as a link: $(cat err)"
	cmp -s before theirs/$file.csv || fail "$file.csv was written through a link"
done
for folder in histograms series; do
	interrupted
	rm -rf run/$folder && ln -s "$scratch/theirs" run/$folder
	timeout 20 "$program" run --resume run -q --no-plots >/dev/null 2>err && fail "$folder as a link: it goes on"
	grep -q "$folder is no folder" err || fail "$folder as a link: $(cat err)"
done
rm -rf run && cp -r good run && mkdir run/histograms run/series
tail -n +2 run/values.csv | cut -d, -f2- | grep -o '^"[^"]*"\|^[^,]*' | tr -d '"' | sort -u | sed 's/=/_/g; s/[/?,@+:]/-/g' |
	while read -r name; do
		mkfifo "run/histograms/$name.hgrm" "run/series/$name.csv"
	done
timeout 20 "$program" report run -q >/dev/null 2>err || fail "pipes for histograms: exit $?: $(cat err)"
timeout 20 "$program" export run --to hdr-text >/dev/null 2>err
code=$?
[ $code = 6 ] || fail "pipes for histograms are exported: exit $code: $(cat err)"
grep -q 'is no regular file' err || fail "pipes for histograms: $(cat err)"

# Metrics that differ only in special characters have separate figures.
rm -rf run && cp -r good run
sed '/updates lost/ {p; s/updates lost/updates.lost/; p; s/updates.lost/updates-lost/}' good/metrics.csv >run/metrics.csv
"$program" report run -q >/dev/null 2>err || fail "alike metrics: $(cat err)"
[ "$(find run/plots -name 'lost_update-updates_lost_cases*.svg' | wc -l)" = 3 ] || fail "alike metrics: $(ls run/plots)"

# Deleted files are made again.
rm -rf run && cp -r good run && rm -rf run/plots
"$program" report run -q >out 2>err || fail "report without plots/: $(cat err)"
cmp -s <(ls good/plots) <(ls run/plots) || fail "report without plots/ made: $(ls run/plots)"

# stand_in SCRIPT WORDS: replaces gnuplot by the script; expects one sentence with the words, and a complete report
# otherwise.
stand_in() {
	mkdir -p bin && printf '#!/bin/sh\n%s\n' "$1" >bin/gnuplot && chmod +x bin/gnuplot
	rm -rf run && cp -r good run && rm -f run/report.html
	PATH=$scratch/bin:$PATH timeout 60 "$program" report run -q >out 2>err || fail "$1: exit $?"
	[ "$(grep -vc 'is a script' err)" = 1 ] || fail "$1: $(cat err)"
	grep -q "$2" err || fail "$1: $(cat err)"
	grep -q 'Can it be trusted?' out || fail "$1: no findings"
	[ -s run/report.html ] || fail "$1: no page"
}
stand_in 'exit 0' 'drew nothing'
stand_in 'exit 1' 'it gave no reason'
stand_in "kill -SEGV \$\$" 'crashed over'
printf '#!/bin/sh\nsleep 1000\n' >bin/gnuplot
PATH=$scratch/bin:$PATH "$program" report good -q >out 2>err &
sleep 0.7
kill %1
begin=$(date +%s)
wait %1
[ $? = 143 ] || fail 'a hanging gnuplot and SIGTERM'
[ $(($(date +%s) - begin)) -le 2 ] || fail 'a hanging gnuplot holds up the end'
grep -q 'stopped while gnuplot drew' err || fail "a hanging gnuplot: $(cat err)"

modules=$root/build-page
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$chromium" ] || ! command -v node >/dev/null || [ ! -d "$modules/node_modules" ]; then
	[ $failed = 0 ] || exit 1
	echo 'SKIPPED: the pages were not opened: Chromium, node or build-page/node_modules is missing;' \
		'scripts/bootstrap --test gets them where there is a network'
	exit 77
fi
timeout 120 node "$root/tests/page/quiet.mjs" "$modules" "$chromium" pages/* || failed=1
[ $failed = 0 ] && echo 'nothing of a stranger ran, and nothing was written elsewhere'
exit $failed
