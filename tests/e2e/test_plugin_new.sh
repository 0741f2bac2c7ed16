#!/usr/bin/env bash
# `shmeter plugin new` and `build`: in each language a plug-in is made, built, listed and run, by the program alone.
# usage: test_plugin_new.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
built=$(realpath "$2")
. "$root/tests/e2e/lib.sh"
# away from the source tree: the program has all that it needs
cp "$built" "$scratch/shmeter"
program=$scratch/shmeter
unset CC CXX RUSTC CFLAGS CXXFLAGS RUSTFLAGS LDFLAGS LDLIBS

# no line of the output, or of a new folder's page, is wider than a terminal
narrow() {
	local long
	long=$(awk 'length($0) > 80' out err)
	[ -z "$long" ] || fail "wider than 80 columns: $long"
}
languages=(c c++)
if command -v rustc >/dev/null; then
	languages+=(rust)
else
	echo 'skipped: rust, for there is no rustc'
fi
for language in "${languages[@]}"; do
	name=ring_${language//+/p}
	expect 0 "a transport that works.*shmeter plugin build $name" "$program" plugin new "$name" --kind transport --lang "$language"
	narrow
	source=$(echo "$name/$name".*)
	cmp "$root/examples/$name/ring.${source##*.}" "$source" || fail "$source is not the example"
	"$program" plugin new other --kind transport --lang "$language" -q
	sed "s/$name/other/g" "$source" | cmp - other/other.* || fail "another name gives another $source"
	rm -r other
	lines=$(awk '/yours to here/ { inside = 0 } inside && NF { count++ } /yours from here/ { inside = 1 } END { print count }' "$source")
	[ "$lines" -ge 15 ] && [ "$lines" -le 30 ] || fail "$source: $lines lines are the user's own"
	[ "$(grep -c '^    shmeter ' "$name/README.md")" = 4 ] || fail "$name/README.md lacks its four commands"
	grep -rq my_plugin "$name" && fail "$name: a place for the name is left"
	expect 0 "$name.so: transport $name: a ring in (C|C\+\+|Rust) Next: shmeter run" env TMPDIR="$scratch" "$program" plugin build "$name"
	narrow
	[ -s err ] && fail "$language: the template gives warnings: $(cat err)"
	ls -d "$scratch"/shmeter-* >left 2>/dev/null && fail "left behind: $(cat left)"
	expect 0 "$name" "$program" list transport_latency --plugin "$name/$name.so"
	[ "$(nproc)" -ge 2 ] || continue
	# no exit code: it is 5 where other load disturbs each trial
	"$program" run "transport_*/$name" --plugin "$name/$name.so" --repeat-blocks 1 --slices 20 --slice 200us \
		--no-counters --no-plots -q --set message=64 --out "run-$name" >out 2>&1
	name=lock_${language//+/p}
	expect 0 "a lock that works.*shmeter plugin build $name" "$program" plugin new "$name" --kind lock --lang "$language"
	if [ -d "$root/examples/$name" ]; then # the module of Rust lies beside it
		grep -v '^#\[path = ' "$root/examples/$name/lock".* | cmp - "$name/$name".* || fail "$name/$name.* is not the example"
	fi
	expect 0 "$name.so: lock $name: a lock in (C|C\+\+|Rust) Next: shmeter run lock_throughput" "$program" plugin build "$name"
	[ -s err ] && fail "$language: the template of a lock gives warnings: $(cat err)"
	"$program" run "lock_throughput/$name" --plugin "$name/$name.so" --repeat-blocks 1 --slices 20 --slice 200us \
		--no-counters --no-plots -q --set processes=2 --out "run-$name" >out 2>&1
	grep "lock_throughput,$name," "run-$name/samples.csv" | grep -qE ',(ok|disturbed)$' ||
		fail "$name was not measured: $(cat "run-$name/samples.csv")"
	name=ring_${language//+/p}
	for scenario in latency throughput; do
		grep "transport_$scenario,$name," "run-$name/samples.csv" | grep -qE ',(ok|disturbed)$' ||
			fail "$scenario of $name was not measured: $(cat "run-$name/samples.csv")"
	done
done

# a scenario
expect 0 'a scenario that works.*shmeter plugin build mine' "$program" plugin new mine --kind scenario --lang c
narrow
lines=$(awk '/yours to here/ { inside = 0 } inside && NF { count++ } /yours from here/ { inside = 1 } END { print count }' mine/mine.c)
[ "$lines" -ge 15 ] && [ "$lines" -le 30 ] || fail "mine/mine.c: $lines lines are the user's own"
expect 0 'mine.so: scenario mine: What does it cost .* Next: shmeter run mine --plugin' "$program" plugin build mine
narrow
[ -s err ] && fail "the template of a scenario gives warnings: $(cat err)"
if [ "$(nproc)" -ge 2 ]; then
	expect 0 'ok apart .*ok together .*mine works' "$program" plugin check mine/mine.so
	expect 0 '"verdict": "pass"' "$program" plugin check mine/mine.so --json
	[ "$(jq -r '.works, .scenarios[0].checks[1].check' out | tr '\n' ' ')" = 'true together ' ] || fail "--json: $(cat out)"
fi
sed 's/\.verify = verify,//' mine/mine.c >no_verify.c
mkdir lacks && mv no_verify.c lacks/
refused 4 'scenario mine: verify() is missing' env CFLAGS=-w "$program" plugin build lacks

# the module for Rust has the sizes and offsets of the header
if [ "${#languages[@]}" = 3 ]; then
	fields='Channel:shmeter_channel:memory capacity message name over spin_turns direction own reserved
		Transport:shmeter_transport:struct_size name summary traits bytes open attach send receive close
		Owner:shmeter_owner:lock node stride index owners name own
		Lock:shmeter_lock:struct_size name summary traits bytes owner_bytes init attach lock unlock recover close
		Export:shmeter_export:magic abi_version transport_count struct_size transport lock lock_count'
	mkdir layout
	{
		printf '#include <stdio.h>\n#include "shmeter/plugin.h"\nint main(void) {\n'
		while IFS=: read -r _ type members; do
			printf 'printf("%%zu\\n", sizeof(struct %s));' "$type"
			for member in $members; do printf 'printf("%%zu\\n", offsetof(struct %s, %s));\n' "$type" "$member"; done
		done <<<"${fields//	/}"
		printf 'printf("%%llu %%u %%u %%u\\n", (unsigned long long)SHMETER_PLUGIN_MAGIC, SHMETER_PLUGIN_ABI, SHMETER_SPINS, SHMETER_MANY); }\n'
	} >layout/c.c
	{
		cat ring_rust/shmeter_plugin.rs
		printf 'fn main() {\n'
		while IFS=: read -r type _ members; do
			printf 'println!("{}", std::mem::size_of::<%s>());\nlet at = std::mem::MaybeUninit::<%s>::uninit();\n' "$type" "$type"
			for member in $members; do
				printf 'println!("{}", unsafe { std::ptr::addr_of!((*at.as_ptr()).%s) } as usize - at.as_ptr() as usize);\n' "$member"
			done
		done <<<"${fields//	/}"
		printf 'println!("{} {} {} {}", MAGIC, ABI, SPINS, MANY); }\n'
	} >layout/r.rs
	cc -I"$root/harness/include" layout/c.c -o layout/c && rustc --edition 2021 layout/r.rs -o layout/r 2>err || fail "$(cat err)"
	layout/c >layout/c.txt
	layout/r >layout/r.txt
	[ "$(wc -l <layout/c.txt)" -ge 25 ] && cmp layout/c.txt layout/r.txt || fail "the module for Rust is not like plugin.h: $(diff layout/c.txt layout/r.txt)"
fi

# mistakes cost one sentence, and nothing is written
new=("$program" plugin new)
refused 4 'ring_c is there already' "${new[@]}" ring_c --kind transport --lang c
for name in Ring 1ring ring-a ../ring a23456789012345678901234567890ab; do
	refused 4 'invalid name' "${new[@]}" "$name" --kind transport --lang c
done
refused 4 'an argument of `shmeter plugin` is empty' "${new[@]}" '' --kind transport --lang c
refused 4 "pipe is a name of shmeter's own" "${new[@]}" pipe --kind transport --lang c
refused 4 '--kind "pipe" is not known' "${new[@]}" other --kind pipe --lang c
refused 4 '--lang "perl" is not known' "${new[@]}" other --kind transport --lang perl
refused 4 '--kind transport' "${new[@]}" other --lang c
refused 4 '--lang c' "${new[@]}" other --kind transport
refused 4 'cannot create the folder no/where' "${new[@]}" other --kind transport --lang c --out no/where
refused 4 'a scenario is written in C: take --lang c' "${new[@]}" other --kind scenario --lang c++
refused 4 "false_sharing is a scenario of shmeter's own" "${new[@]}" false_sharing --kind scenario --lang c
refused 4 '`new NAME`, `build DIR` or `check FILE.so`' "$program" plugin
refused 4 '`new NAME`, `build DIR` or `check FILE.so`' "$program" plugin new
refused 4 'takes no --lang; `plugin new` does' "$program" plugin build ring_c --lang c
refused 4 'has no option --message' "$program" plugin check ring_c.so --message 3
[ ! -e other ] || fail 'a refused `plugin new` made a folder'
build=("$program" plugin build)
refused 4 'cannot read the folder nowhere' "${build[@]}" nowhere
mkdir empty mixed 'a b' wrong
refused 4 'holds no .c, .cpp or .rs file' "${build[@]}" empty
touch mixed/a.c mixed/b.cpp
refused 4 "sources of one language" "${build[@]}" mixed
refused 5 'there is no compiler nowhere-cc: install the package gcc, or set CC' env CC=nowhere-cc "${build[@]}" ring_c
cp ring_c/ring_c.c 'a b'
expect 0 "--plugin 'a b/ring_c.so'" "${build[@]}" 'a b'
echo 'int x' >wrong/wrong.c
expect 4 'error: .*wrong/wrong.so was not built' "${build[@]}" wrong
echo 'int x;' >wrong/wrong.c
refused 4 'it has no function shmeter_plugin()' "${build[@]}" wrong
# the flags and the compiler of the environment are used, and none of it goes through a shell
expect 4 'nowhere.h: No such file' env CFLAGS='-include nowhere.h' "${build[@]}" ring_c
expect 4 '' env CC='cc ; touch planted' "${build[@]}" ring_c
[ ! -e planted ] || fail 'a shell read $CC'
expect 0 'elsewhere.so: transport ring_c' "${build[@]}" ring_c --out elsewhere.so

[ $failed = 0 ] && echo 'plug-ins are made, built and measured'
exit $failed
