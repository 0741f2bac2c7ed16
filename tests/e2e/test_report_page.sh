#!/usr/bin/env bash
# report.html of a real run: valid HTML, no axe violation, nothing wider than the window, no request and no script error
# in Chromium, at desktop and phone width, in light and dark mode.  Every SVG is valid XML; the page is small and loads
# quickly; it is complete without gnuplot.
# usage: test_report_page.sh SOURCE_ROOT PROGRAM
# Without Chromium or the npm packages (scripts/bootstrap --test gets both) the part that needs them is skipped: the
# test says so and exits 77 after it has run the rest.
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"

"$program" run false_sharing transport_latency/pipe transport_latency/shm_mutex_cond transport_latency/fifo first_touch/4k \
	aa --set message=64,1024,4096 --set op=atomic_add --set work=0 --out run -q >out 2>err || fail "run: $(cat err)"
page=run/report.html
for svg in run/plots/*.svg; do
	xmllint --noout "$svg" || fail "$svg is no XML"
	grep -q 'onmouse' "$svg" && fail "$svg wants a script"
done

# Each figure is once in the page and once in its own file, each valid XML.
python3 - "$page" <<'EOF' || failed=1
import re, sys
from xml.etree import ElementTree
text = open(sys.argv[1], encoding="utf-8").read()
figures = re.findall(r"<svg.*?</svg>", text, re.S)
for figure in figures:
	ElementTree.fromstring(figure)
wrong = [w for w in ("http://", "https://", "nan", "inf") if re.search(r"[\s>(]" + w + r"(\b|/)", text)]
if len(figures) < 8 or wrong:
	sys.exit(f"FAIL: {len(figures)} figures; the page holds {wrong}")
for words in ("At which message size should you leave pipe?", "Trustworthy?", "Which machine", "A/A control",
	      "shmeter run transport_latency --profile standard", "shmeter run false_sharing --profile quick --seed", "A cache line has one writer at a time"):
	if words not in text:
		sys.exit(f'FAIL: the page does not say "{words}"')
EOF
[ "$(stat -c %s "$page")" -lt 3145728 ] || fail 'the page is over 3 MiB'
# A run without faults of its own has no such figure; those after it are shown all the same.
"$program" run lock_uncontended/mutex --repeat-blocks 1 --out few -q >out 2>err || fail "few: $(cat err)"
[ ! -e few/plots/faults.dat ] || fail 'the run has data of faults: no figure is left out'
! grep -q 'Not drawn' few/report.html || fail "drawn figures are not in the page: $(grep -o 'Not drawn: [^.]*' few/report.html)"
seconds=$(date +%s)
"$program" report run -q >/dev/null 2>err || fail "report: $(cat err)"
[ $(($(date +%s) - seconds)) -le 10 ] || fail 'the report takes over 10 s'

# Without gnuplot: the same folder without its pictures.
cp -r run bare && rm -f bare/plots/*.svg bare/plots/*.png
sed -i 's/"profile": "quick"/"profile": "standard"/' bare/manifest.json # the page names the next longer one
PATH=/nonexistent "$program" report bare -q >/dev/null 2>err
grep -q 'gnuplot-nox' err || fail "without gnuplot: $(cat err)"
grep -q 'apt-get install gnuplot-nox' bare/report.html || fail 'the page does not say what to install'
grep -q 'shmeter run transport_latency --profile full' bare/report.html || fail 'the page of a standard run does not name the full profile'
grep -q 'padded_64' bare/report.html || fail 'the page without figures has no tables'

# Reasons are shown as text, whatever they contain; a name that no build has is refused.
plant() { # COLUMN TEXT
	rm -rf evil && cp -r run evil
	python3 - "$@" <<'EOF'
import csv, sys
rows = list(csv.DictReader(open("run/samples.csv", newline="")))
for row in rows:
	if row["scenario"] == "false_sharing":
		row.update({sys.argv[1]: sys.argv[2], "status": "skipped"})
out = csv.DictWriter(open("evil/samples.csv", "w", newline=""), rows[0], lineterminator="\n")
out.writeheader()
out.writerows(rows)
EOF
}
plant variant '<script>alert(1)</script>'
"$program" report evil --no-plots -q >/dev/null 2>err
grep -q 'samples.csv:[0-9]*: ".*" is not a value of variant' err || fail "a name that wants to be a script: $(cat err)"
plant reason '<script>alert(1)</script>'
"$program" report evil --no-plots -q >/dev/null 2>err || fail "a reason that wants to be a script: $(cat err)"
grep -q '<script>alert' evil/report.html && fail 'a reason becomes a script'
grep -q '&lt;script&gt;alert' evil/report.html || fail 'the planted reason is not on the page'

modules=$root/build-page
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$chromium" ] || ! command -v node >/dev/null || [ ! -d "$modules/node_modules" ]; then
	[ $failed = 0 ] || exit 1
	echo 'SKIPPED: the page was not looked at in a browser: Chromium, node or build-page/node_modules is missing;' \
		'scripts/bootstrap --test gets them where there is a network'
	exit 77
fi
for page in run/report.html bare/report.html; do
	timeout 250 node "$root/tests/page/check.mjs" "$modules" "$chromium" "$page" || failed=1
done
[ $failed = 0 ] && echo 'the page holds in a browser, without gnuplot, and with reasons that want to be scripts'
exit $failed
