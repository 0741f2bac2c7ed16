#!/usr/bin/env bash
# Scripts that cannot do their work: one sentence, the right exit code.
# usage: test_scripts.sh SOURCE_ROOT CMAKE
set -u -o pipefail

root=$(realpath "$1")
cmake=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
failed=0

expect() { # CODE WORDS WHAT COMMAND...
	local code=$1 words=$2 what=$3 got
	shift 3
	"$@" >"$scratch/out" 2>&1 </dev/null
	got=$?
	if [ "$got" != "$code" ] || ! grep -qF -- "$words" "$scratch/out"; then
		printf 'FAIL %s: exit %s, not %s: %s\n' "$what" "$got" "$code" "$(head -5 "$scratch/out")"
		failed=1
	fi
}

# A machine without a package, and a user who cannot install it: fake tools in a PATH of their own.
mkdir "$scratch/bin"
for tool in bash dirname basename id cat sh env mktemp rm tail grep sed readlink; do
	ln -s "$(command -v $tool)" "$scratch/bin/$tool"
done
printf '#!/bin/sh\ncase "$*" in *libck-dev*) exit 1 ;; esac\nprintf installed\n' >"$scratch/bin/dpkg-query"
printf '#!/bin/sh\necho 1000\n' >"$scratch/bin/id2"
chmod +x "$scratch/bin/dpkg-query"
rm "$scratch/bin/id"
printf '#!/bin/sh\necho 1000\n' >"$scratch/bin/id"
chmod +x "$scratch/bin/id"
expect 5 "apt-get install -y --no-install-recommends libck-dev" 'bootstrap without root' \
	env PATH="$scratch/bin" "$root/scripts/bootstrap"
expect 5 "sudo sh -c" 'the one command' env PATH="$scratch/bin" "$root/scripts/bootstrap"
rm "$scratch/bin/dpkg-query"
expect 5 "no Debian or Ubuntu" 'bootstrap elsewhere' env PATH="$scratch/bin" "$root/scripts/bootstrap"
expect 4 "--tset" 'bootstrap with a bad option' "$root/scripts/bootstrap" --tset
expect 4 "--fast" 'build with a bad option' "$root/scripts/build" --fast
expect 4 "needs a name" 'build without a preset' "$root/scripts/build" --preset
expect 4 "--slow" 'test with a bad option' "$root/scripts/test" --slow
expect 4 "usage" 'a guest of no architecture' "$root/tests/guests/run" vax
expect 5 "qemu-system-x86_64 is missing: run scripts/bootstrap --guests" 'a guest without an emulator' \
	env PATH="$scratch/bin" "$root/tests/guests/run" amd64
expect 4 "one file of gates" 'gate with two files' "$root/scripts/gate" a b
expect 4 "/nowhere.ini: the file of gates cannot be read" 'gate without its file' "$root/scripts/gate" /nowhere.ini
expect 4 "$scratch/none: not an executable file" 'gate without a program' env SHMETER="$scratch/none" "$root/scripts/gate"
mkdir -p "$scratch/was/run"
expect 4 "was/run is there already" 'gate over an earlier run' env SHMETER_OUT="$scratch/was" "$root/scripts/gate"
expect 4 "usage" 'bundle with two files' "$root/scripts/bundle" a b
expect 4 "unknown option --fast" 'test-packages with a bad option' "$root/scripts/test-packages" --fast
expect 4 "usage" 'new-scenario without a name' "$root/scripts/new-scenario" coherence
expect 4 "an invalid name" 'new-scenario with a bad name' "$root/scripts/new-scenario" coherence Bad-Name
expect 4 "there is no family mine: take one of calibration transport" 'new-scenario of a new family' \
	"$root/scripts/new-scenario" mine brand_new
expect 4 "exists already" 'new-scenario of an old name' "$root/scripts/new-scenario" coherence false_sharing

# A new scenario is one file and one line, and compiles unchanged.
cp -r "$root/scripts" "$root/scenarios" "$scratch"
"$scratch/scripts/new-scenario" coherence brand_new >"$scratch/out" || failed=1
grep -q '^SM_SCENARIO(coherence, brand_new)$' "$scratch/scenarios/scenarios.def" || {
	echo 'FAIL new-scenario: no line in the registry'
	failed=1
}
LC_ALL=C sort -c "$scratch/scenarios/scenarios.def" || failed=1
gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -I"$root/harness/include" -fsyntax-only \
	"$scratch/scenarios/coherence/brand_new.c" || failed=1

# The build and the document say which scenario they would leave out.  CMake needs no compiler to say so.
cat >"$scratch/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(small NONE)
add_subdirectory(scenarios)
END
registry=$scratch/scenarios/scenarios.def
cp "$registry" "$scratch/right.def"
build() { # CMake breaks the lines of what it says
	"$cmake" -S "$scratch" -B "$scratch/made" >"$scratch/said" 2>&1
	local code=$?
	tr -s '\n ' ' ' <"$scratch/said"
	return $code
}
refused() { # WORDS REGISTRY
	printf '%s\n' "$2" >"$registry"
	expect 1 "$1" "build of ${2##*$'\n'}" build
	cp "$scratch/right.def" "$registry"
}
right=$(cat "$registry")
refused 'scenarios/coherence/brand_new.c is not built' "$(grep -v brand_new <<<"$right")"
refused 'scenarios/families.def does not list this family' "$right"$'\n''SM_SCENARIO(mine, brand_new)'
refused '"SM_SCENARIO(coherence, brand_new)" is there twice' "$right"$'\n''SM_SCENARIO(coherence, brand_new)'
refused 'there is no file scenarios/coherence/brand_nwe.c' "$right"$'\n''SM_SCENARIO(coherence, brand_nwe)'
refused 'is not SM_SCENARIO(family, name)' "$right"$'\n''SM_SCENARIO(coherence)'
printf '#!/bin/sh\necho %s\n' "'{\"scenarios\": [{\"name\": \"brand_new\", \"family\": \"mine\"}]}'" >"$scratch/lists"
chmod +x "$scratch/lists"
expect 5 'document: scenario brand_new: scenarios/families.def does not list its family, mine' 'document' \
	"$root/scripts/document" "$scratch/lists" docs

command -v shellcheck >/dev/null && {
	shellcheck -x -P "$root/scripts:$root/tests/guests" "$root"/scripts/{bootstrap,build,build-layouts,bundle,check-regression,compare-revisions,gate,run-all,test,test-packages,new-scenario} \
		"$root/.ci/run" "$root/examples/build" "$root"/tests/guests/{fetch,run} || failed=1
	shellcheck -s dash -e SC1090,SC1091,SC2154,SC3043 "$root"/tests/guests/init "$root"/tests/guests/checks/* || failed=1
}
[ $failed = 0 ] && echo 'the scripts say what is wrong'
exit $failed
