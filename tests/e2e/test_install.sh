#!/usr/bin/env bash
# What `cmake --install` puts into a prefix works there and after the prefix was moved: the program with its gates and
# templates, the header by pkg-config and by find_package, completions, the man page.  The program copied alone says
# what it lacks.
# usage: test_install.sh SOURCE_ROOT BUILD CMAKE CC
set -u -o pipefail

root=$(realpath "$1")
build=$(realpath "$2")
cmake=$3
cc=$4
. "$root/tests/e2e/lib.sh"

"$cmake" --install "$build" --prefix "$scratch/first" >out 2>&1 || fail "install: $(cat out)"
"$scratch/first/bin/shmeter" list >/dev/null || fail 'list from the prefix'
mv first moved
prefix=$scratch/moved
program=$prefix/bin/shmeter
share=$prefix/share
for file in man/man1/shmeter.1 man/man3/shmeter_plugin.3 bash-completion/completions/shmeter \
	zsh/site-functions/_shmeter zsh/vendor-completions/_shmeter fish/vendor_completions.d/shmeter.fish doc/shmeter/LICENSE doc/shmeter/docs/plugins.md \
	doc/shmeter/examples/ring_c/ring.c; do
	[ -s "$share/$file" ] || fail "not installed: share/$file"
done
for file in "$root"/plots/*.gp; do
	cmp -s "$file" "$share/shmeter/plots/${file##*/}" || fail "not installed: ${file##*/}"
done

# A run is measured, judged and drawn without the source tree.
"$program" list >/dev/null || fail 'list from the moved prefix'
"$program" run null_loop --repeat-blocks 1 -q --no-plots --out run >out 2>&1 || fail "run: $(cat out)"
expect 0 '0 of [0-9]+ gates pass' "$program" check run
"$program" report run -q >out 2>err || fail "report: $(cat out err)"
! grep -q 'template' err || fail "report: $(cat err)"
mkdir linked && ln -s "$program" linked/shmeter
expect 0 '0 of [0-9]+ gates pass' linked/shmeter check run
mkdir alone && cp "$program" alone/
refused 4 '--thresholds FILE, or install the whole package' alone/shmeter check run
expect 0 'install the whole package, or pass --no-plots' alone/shmeter report run -q
expect 0 'gates pass' alone/shmeter check run --thresholds "$root/results/thresholds.ini"

# A plug-in by pkg-config and by find_package.
export PKG_CONFIG_PATH=$share/pkgconfig
read -ra flags <<<"$(pkg-config --cflags shmeter)"
"$cc" -O2 -shared -fPIC "${flags[@]}" "$root/examples/ring_c/ring.c" -o ring.so || fail 'pkg-config: no plug-in'
expect 0 'ring_c' "$program" list transport_latency --plugin ./ring.so
mkdir user
# a scenario includes more: all of it is there, and the program has the functions
cp "$root/bench/plugin_templates/scenario.c" user/my_plugin.c
"$cc" -std=c17 -O2 -Wall -Wextra -Werror -pedantic -shared -fPIC "${flags[@]}" user/my_plugin.c -o scenario.so ||
	fail 'no scenario from the installed headers'
expect 0 'variants +apart, together' "$program" list my_plugin --plugin ./scenario.so
"$share/doc/shmeter/examples/build" ring_c user >out 2>&1 || fail "examples/build: $(cat out)"
cat >user/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.16)
project(user C)
find_package(shmeter 0.1 REQUIRED)
add_library(ring MODULE $root/examples/ring_c/ring.c)
target_link_libraries(ring PRIVATE shmeter::shmeter)
if(NOT SHMETER_PROGRAM STREQUAL "$program")
  message(FATAL_ERROR "SHMETER_PROGRAM is \${SHMETER_PROGRAM}")
endif()
END
{ "$cmake" -S user -B user/build -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" && "$cmake" --build user/build; } >out 2>&1 ||
	fail "find_package: $(cat out)"
expect 0 'ring_c' "$program" list transport_latency --plugin user/build/libring.so

# A folder of headers outside the prefix is named as it is.
"$cmake" -S "$root" -B absolute -G Ninja -DCMAKE_C_COMPILER="$cc" -DCMAKE_INSTALL_INCLUDEDIR="$scratch/outside" >out 2>&1 ||
	fail "absolute headers: $(cat out)"
flags=$(PKG_CONFIG_PATH=$scratch/absolute pkg-config --cflags shmeter)
[ "${flags% }" = "-I$scratch/outside" ] || fail "absolute headers: pkg-config says $flags"

# Completions parse, and know every command; shells that are not here are named.
completion=$share/bash-completion/completions/shmeter
bash -n "$completion" || fail 'the completion for bash does not parse'
# shellcheck disable=SC2016 # expanded by the other shell
said=$(bash -c '. "$1"; COMP_WORDS=(shmeter run --bac); COMP_CWORD=2; _shmeter; echo "${COMPREPLY[*]}"' - "$completion")
[ "$said" = --backing ] || fail "run --bac completes to \"$said\""
for shell in zsh fish; do
	file=$(find "$share/$shell" -type f | head -1)
	for command in $("$program" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
		grep -qE -- "^    '$command:|__fish_use_subcommand -f -a $command " "$file" || fail "the completion for $shell lacks $command"
	done
	if command -v $shell >/dev/null; then
		$shell -n "$file" || fail "the completion for $shell does not parse"
	else
		echo "$shell is not here: its completion is not parsed"
	fi
done
if command -v groff >/dev/null; then
	groff -ww -man -Tascii -P-cbou "$share/man/man1/shmeter.1" >page 2>err
	[ ! -s err ] || fail "man page: $(cat err)"
	grep -q -- '--backing' page || fail 'the man page lacks --backing'
	# The other page is the header, line by line.
	groff -ww -man -Tascii -P-cbou -rLL=200n "$share/man/man3/shmeter_plugin.3" 2>err | tr -s ' \t' ' ' | sed 's/^ //' >page
	[ ! -s err ] || fail "man page of the interface: $(cat err)"
	tr -s ' \t' ' ' <"$prefix/include/shmeter/plugin.h" | sed 's/^ //; /^$/d' >header
	lost=$(grep -vxFf page header)
	[ -z "$lost" ] || fail "the man page of the interface lacks: $lost"
fi
[ $failed = 0 ] && echo 'what is installed works, wherever it is moved'
exit $failed
