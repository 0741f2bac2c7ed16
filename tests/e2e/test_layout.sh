#!/usr/bin/env bash
# scripts/build-layouts: builds of one source have the same code at other addresses, by the seed alone.
# usage: test_layout.sh SOURCE_ROOT CMAKE
set -u -o pipefail

root=$(realpath "$1")
cmake=$2
. "$root/tests/e2e/lib.sh"
PATH=$(dirname "$cmake"):$PATH

# a program of two objects and an archive of two; the loops call nothing, so their bytes do not depend on addresses
mkdir -p old/part
cat >old/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(small C)
add_library(part STATIC part/first.c part/second.c)
add_executable(shmeter main.c third.c)
target_link_libraries(shmeter part)
END
for name in first second third; do
	file=old/$name.c
	[ $name = third ] || file=old/part/$name.c
	printf 'unsigned %s_loop(unsigned n)\n{\n\tunsigned x = 1;\n\n\tfor (unsigned i = 0; i < n; i++)\n\t\tx = x * 5 + i;\n\treturn x;\n}\n' $name >$file
done
cat >old/main.c <<'END'
unsigned first_loop(unsigned n), second_loop(unsigned n), third_loop(unsigned n);
int main(void)
{
	return first_loop(7) == second_loop(7) && second_loop(7) == third_loop(7) ? 0 : 1;
}
END
cp -r old new
printf 'int more(int n)\n{\n\treturn n + 7;\n}\n' >>new/main.c

loops='first_loop second_loop third_loop'
address() { nm "$1/shmeter" | sed -n "s/^0*\([0-9a-f]*\) T $2\$/\1/p"; } # BUILD FUNCTION
place() { echo $((0x$(address "$1" "$2") % $3)); }                        # BUILD FUNCTION MODULUS
order() { nm -n "$1/shmeter" | grep -oE '(first|second|third)_loop' | paste -sd ' '; }
code() { # BUILD FUNCTION: its instructions, without addresses
	local at size
	read -r at size < <(nm -S "$1/shmeter" | sed -n "s/\([0-9a-f]*\) \([0-9a-f]*\) T $2\$/0x\1 0x\2/p")
	objdump -d --no-show-raw-insn --start-address="$at" --stop-address=$((at + size)) "$1/shmeter" |
		sed -n 's/^ *[0-9a-f]*:\t//p' | sed 's/ [0-9a-f]* </ </'
}

"$root/scripts/build-layouts" old old/build {1..6} >list 2>err || fail "no layouts: $(cat list err)"
IFS=, read -ra builds <list
[ ${#builds[@]} = 6 ] || fail "not six builds: $(cat list)"
for build in "${builds[@]}"; do
	"$build/shmeter" || fail "$build does not work"
	for loop in $loops; do
		[ -n "$(code "$build" "$loop")" ] && [ "$(code "$build" "$loop")" = "$(code old/build "$loop")" ] ||
			fail "$build has other instructions in $loop: $(code "$build" "$loop")"
	done
done
# there are 4 places modulo 64, 256 modulo 4096, and 6 orders
for loop in $loops; do
	[ "$(for build in "${builds[@]}"; do place "$build" "$loop" 64; done | sort -u | wc -l)" -ge 2 ] || fail "$loop: one place in a line"
	[ "$(for build in "${builds[@]}"; do place "$build" "$loop" 4096; done | sort -u | wc -l)" -ge 5 ] || fail "$loop: one place in a page"
done
[ "$(for build in "${builds[@]}"; do order "$build"; done | sort -u | wc -l)" -ge 3 ] || fail 'one order'
# the last link is one as ever
[ "$(place old/build first_loop 4096)" != "$(place "${builds[5]}" first_loop 4096)" ] || fail 'the plain build has a layout'

# the same seed: the same program, and what is unchanged lies alike in another revision
"$root/scripts/build-layouts" old again 2 3 >list 2>err || fail "no layouts: $(cat err)"
[ "$(cat list)" = again/layouts/2,again/layouts/3 ] || fail "not the seeds 2 and 3: $(cat list)"
cmp -s again/layouts/2/shmeter old/build/layouts/2/shmeter || fail 'the same seed, another program'
"$root/scripts/build-layouts" new new/build 1 2 >list 2>err || fail "no layouts: $(cat err)"
for loop in $loops; do
	for seed in 1 2; do
		[ "$(place old/build/layouts/$seed "$loop" 4096)" = "$(place new/build/layouts/$seed "$loop" 4096)" ] ||
			fail "seed $seed: $loop lies elsewhere in a page of the new revision"
	done
done

refused_by_script() { # CODE WORDS COMMAND...
	expect "$@"
	[ ! -s out ] || fail "it says more: $(cat out)"
}
refused_by_script 4 'and seeds are needed' "$root/scripts/build-layouts" old old/build
refused_by_script 4 '"none" is not a whole number' "$root/scripts/build-layouts" old old/build none
echo 'int' >>new/third.c
refused_by_script 6 'failed: cmake --build' "$root/scripts/build-layouts" new new/build 1
rm -f "$(grep -oE 'the whole output is in [^)]*' err | sed 's/.* in //')"

[ $failed = 0 ] && echo 'a layout is the same code elsewhere'
exit $failed
