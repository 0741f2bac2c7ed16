#!/usr/bin/env bash
# What cannot be used is refused with its true reason, in one sentence: a description of a machine that hwloc cannot read,
# a folder without permission, a checkout that cannot be written, an architecture that this cannot be built for.  Scripts
# also work through a symbolic link.
# usage: test_reasons.sh SOURCE_ROOT PROGRAM CMAKE
# shellcheck disable=SC2015,SC2016,SC2317 # functions are called by name
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
cmake=$3
. "$root/tests/e2e/lib.sh"
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
cp "$program" "$scratch/shmeter" # a place from which another user can start it
program=$scratch/shmeter
as_nobody() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi; }

# Descriptions of machines.  hwloc takes this machine's own instead of some of these, without a word.
one='<object type="Machine" os_index="0" cpuset="0x1" complete_cpuset="0x1" allowed_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1" allowed_nodeset="0x1">
<object type="NUMANode" os_index="0" cpuset="0x1" complete_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1"/>
<object type="PU" os_index="0" cpuset="0x1" complete_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1"/></object>'
printf '<topology version="2.0">%s</topology>\n' "$one" >good.xml
printf '<topology version="3.0">%s</topology>\n' "$one" >later.xml
printf '<topology version="2.0">%s' "${one:0:300}" >cut.xml
echo '<html>version="3"</html>' >other.xml
cp good.xml secret.xml
chmod 0 secret.xml
mkdir folder.xml
list() { HWLOC_XMLFILE=$1 as_nobody "$program" list null_loop; }
expect 0 'null_loop' list good.xml
refused 4 'later.xml was written by hwloc 3, and this program has hwloc 2' list later.xml
refused 4 'cut.xml: it is damaged or cut short' list cut.xml
refused 4 'other.xml is no hwloc XML file' list other.xml
refused 5 'secret.xml cannot be read: Permission denied' list secret.xml
refused 4 'nowhere.xml cannot be read: No such file' list nowhere.xml
list folder.xml >out 2>err && fail 'a folder is a description'
grep -q 'folder.xml cannot be read: Is a directory' err || fail "a folder: $(cat err)"
synthetic() { HWLOC_SYNTHETIC=$1 "$program" list null_loop; }
expect 0 'null_loop' synthetic 'pack:1 core:2 pu:1'
refused 4 '"cores:two" is no synthetic topology' synthetic cores:two

# Folders without permission; the last command needs a run, which the first one cannot make.
mkdir -m 755 mine
: >mine/file
cd mine || exit 1
run() { as_nobody "$program" run null_loop --repeat-blocks 1 --no-plots -q "$@"; }
if [ "$(id -u)" = 0 ]; then
	refused 5 'cannot create the folder results here: Permission denied; choose another --out' run
	mkdir -m 755 results
	refused 5 'cannot create the run folder results/' run
	grep -q 'Permission denied; choose another --out' err || fail "results: $(cat err)"
	refused 5 "cannot make the run folder $scratch/mine/new: Permission denied; choose another --out" run --out "$scratch/mine/new"
	history() { HOME=$scratch/mine as_nobody env -u XDG_DATA_HOME "$program" history "$@"; }
	refused 5 'cannot make the folder of' history add "$root/tests/fuzz/template"
	refused 5 'history.db cannot be opened: Permission denied' history add "$root/tests/fuzz/template" --db "$scratch/mine/history.db"
fi
refused 4 'the folder above it does not exist' run --out "$scratch/mine/no/new"
refused 4 'Not a directory' run --out "$scratch/mine/file/new"
cd "$scratch" || exit 1

# script CODE WORDS COMMAND...: one line on standard error
script() {
	local code=$1 words=$2 got
	shift 2
	"$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$code" ] && [ "$(wc -l <err)" = 1 ] && grep -qF -- "$words" err || fail "$*: exit $got, not $code: $(cat out err)"
}
# A checkout that cannot be written.
mkdir checkout
cp -r "$root/scripts" "$root/scenarios" "$root/CMakeLists.txt" checkout
chmod -R a-w,a+rX checkout
if [ "$(id -u)" = 0 ]; then
	script 5 "checkout cannot be written: copy it to a folder of yours, or build elsewhere" as_nobody checkout/scripts/build
	script 5 'cannot be written' as_nobody checkout/scripts/test --quick
	script 5 'scenarios.def cannot be written' as_nobody checkout/scripts/new-scenario coherence brand_new
fi
script 5 'build/shmeter: No such file or directory: build it with scripts/build' checkout/scripts/document
script 5 'build/shmeter: No such file or directory: build it with scripts/build' checkout/scripts/beliefs
script 5 'nowhere/summary.csv: No such file' checkout/scripts/in-flight nowhere

# Scripts through a symbolic link, also one to another link.
mkdir links
for name in bootstrap build check-regression compare-revisions fuzz gate new-scenario run-all test beliefs document in-flight; do
	ln -s "$root/scripts/$name" "links/$name-1"
	ln -s "$name-1" "links/$name"
done
script 4 'unknown option --fast' links/build --fast
script 4 'unknown option --slow' links/test --slow
script 4 'usage' links/new-scenario
script 4 'two builds are needed' links/check-regression
script 4 'two revisions are needed' links/compare-revisions
script 4 'a number of seconds is expected' links/fuzz soon
script 4 '--tset' links/bootstrap --tset
script 5 'nowhere: No such file' links/document "$scratch/nowhere"
script 5 'nowhere: No such file' links/beliefs "$scratch/nowhere"
grep -rlE '^\. "\$\(dirname "\$0"\)' "$root/scripts" && fail 'a script does not follow its link'

# Configuring for what this is not for.
configure() { rm -rf made && "$cmake" -S "$root" -B made "$@"; }
expect 1 'shmeter needs a 64-bit CPU: .* pointers of 4 bytes' configure -DCMAKE_C_COMPILER_FORCED=TRUE -DCMAKE_SIZEOF_VOID_P=4
expect 1 'does not build for FreeBSD' configure -DCMAKE_C_COMPILER_FORCED=TRUE -DCMAKE_SIZEOF_VOID_P=8 -DCMAKE_SYSTEM_NAME=FreeBSD
configure -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=riscv64 >out 2>&1
grep -q 'On riscv64 it lacks' out || fail "riscv64: $(cat out)"
[ $failed = 0 ] && echo 'every reason is true'
exit $failed
