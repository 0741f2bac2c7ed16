#!/usr/bin/env bash
# Every C file is formatted by clang-format.  Checks itself on a copy with a badly formatted line.
# usage: test_format.sh SOURCE_ROOT CLANG_FORMAT
set -u -o pipefail

root=$(realpath "$1")
format=$2
cd "$root" || exit 1

# Prints those of the given files that clang-format would change.
unformatted() {
	xargs -0 -P "$(nproc)" -n 20 "$format" --style="file:$root/.clang-format" --dry-run -Werror 2>&1 |
		sed -nE 's/^([^:]+):.*-Wclang-format-violations.*/\1/p' | sort -u
}

found=$(find bench examples harness scenarios tests -name '*.[ch]' -print0 | unformatted)
if [ -n "$found" ]; then
	printf 'not as clang-format leaves them:\n%s\nrun: %s -i FILE...\n' "$found" "$format"
	exit 1
fi

copy=$(mktemp --suffix=.c)
trap 'rm -f "$copy"' EXIT
{
	cat bench/main.c
	printf 'int  planted( void );\n'
} >"$copy"
if [ -z "$(printf '%s\0' "$copy" | unformatted)" ]; then
	echo "a planted line was not seen"
	exit 1
fi
echo "all files are formatted, and a planted line was seen"
