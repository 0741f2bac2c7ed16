#!/usr/bin/env bash
# Damaged, foreign or malicious run folders and files: one clear sentence, exit code 4 or 6, soon, and no new files.
# usage: test_hostile.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
template=$root/tests/fuzz/template
. "$root/tests/e2e/lib.sh"
tried=0
# unloadable WHAT: every command that loads a run must refuse ./run.
unloadable() {
	local what=$1 command code
	for command in 'report run --no-plots -q' 'check run --thresholds gates.ini' 'check good --baseline run --thresholds gates.ini' \
		'compare good run' 'export run --to csv'; do
		# shellcheck disable=SC2086
		timeout 5 "$program" $command >out 2>err
		code=$?
		[ $code = 4 ] || [ $code = 6 ] || fail "$what: $command: exit $code: $(head -c 300 err)"
		[ "$(wc -l <err)" = 1 ] && grep -q '^shmeter: ..........' err || fail "$what: $command says: $(head -c 500 err)"
		tried=$((tried + 1))
	done
}
fresh() {
	rm -rf run
	cp -r "$template" run
}
cp "$template/gates.ini" gates.ini
cp -r "$template" good
"$program" check good --thresholds gates.ini >/dev/null 2>err || [ $? = 1 ] || fail "the template itself is refused: $(cat err)"

for file in manifest.json samples.csv slices.csv counters.csv metrics.csv; do
	fresh && rm run/$file && unloadable "no $file"
	fresh && : >run/$file && unloadable "an empty $file"
	fresh && head -c 1000000 /dev/zero | tr '\0' 'A' >run/$file && unloadable "letters for $file"
	fresh && head -c 100000 /dev/zero >run/$file && unloadable "zeros for $file"
	fresh && rm run/$file && mkdir run/$file && unloadable "a folder for $file"
	fresh && rm run/$file && ln -s $file run/$file && unloadable "a link to itself for $file"
done
for file in samples slices; do
	fresh && sed -i '1s/trial/Trial/' run/$file.csv && unloadable "another column in $file"
	fresh && sed -i '1s/^\([^,]*\),\([^,]*\)/\2,\1/' run/$file.csv && unloadable "columns of $file in another order"
	fresh && sed -i '2s/,/,,/' run/$file.csv && unloadable "one column more in $file"
	fresh && sed -i '3s/$/"/' run/$file.csv && unloadable "a quotation without end in $file"
	fresh && head -c 700 "$template/$file.csv" >run/$file.csv && unloadable "$file cut short"
	fresh && { head -1 "$template/$file.csv"; head -c 10000000 /dev/zero | tr '\0' '1'; } >run/$file.csv && unloadable "a line of 10 MB in $file"
done
column() { head -1 "$template/$1.csv" | tr , '\n' | grep -nx "$2" | cut -d: -f1; }
for value in 99999999999 -1 nan 1e999 '' x; do
	fresh && awk -F, -v OFS=, -v c="$(column samples trial)" -v v="$value" 'NR == 2 {$c = v} 1' "$template/samples.csv" >run/samples.csv &&
		unloadable "trial \"$value\""
done
for value in 4294967295 1000000000; do
	fresh && awk -F, -v OFS=, -v c="$(column samples trial)" -v v="$value" 'NR == 2 {$c = v} 1' "$template/samples.csv" >run/samples.csv &&
		unloadable "trial $value"
done
fresh && echo '[' >run/manifest.json && unloadable 'half a manifest'
fresh && echo '[]' >run/manifest.json && unloadable 'a list for a manifest'
fresh && echo '{"schema_version": 99}' >run/manifest.json && unloadable 'a manifest of another version'
fresh && { head -c 100000 /dev/zero | tr '\0' '['; } >run/manifest.json && unloadable 'a deep manifest'

# devices and pipes never end: no command may read one to its end
fresh && rm run/samples.csv && ln -s /dev/zero run/samples.csv && unloadable 'a link to /dev/zero'
fresh && rm run/manifest.json && ln -s /dev/zero run/manifest.json && unloadable 'a manifest that never ends'
fresh && rm run/samples.csv && mkfifo run/samples.csv && unloadable 'a FIFO'
rm -rf run && unloadable 'no folder'
touch run && unloadable 'a file for a folder'

# duplicate rows: a copy by hand can repeat trials
rm -f run
fresh && tail -n +2 "$template/samples.csv" >>run/samples.csv && unloadable 'doubled rows'
fresh && tail -1 "$template/samples.csv" >>run/samples.csv && unloadable 'the last row twice'

for text in '' '[' '[g]' 'max = 1' '[g]
max = 1' "$(head -c 100000 /dev/zero | tr '\0' 'x')"; do
	printf '%s' "$text" >bad.ini
	timeout 5 "$program" check good --thresholds bad.ini >out 2>err
	[ $? = 4 ] && [ "$(wc -l <err)" = 1 ] || fail "gates \"${text:0:20}\": $(cat err)"
	tried=$((tried + 1))
done
timeout 5 "$program" check good --thresholds /dev/zero >out 2>err
[ $? = 4 ] && [ "$(wc -l <err)" = 1 ] || fail "gates without end: $(cat err)"
[ $failed = 0 ] && echo "$tried hostile inputs, each refused in one sentence"
exit $failed
