#!/usr/bin/env bash
# Documents that are made from the program's lists are up to date; each claim that a sentence names exists; every command
# of the lessons and the questions exists.
# usage: test_documents.sh SOURCE_ROOT PROGRAM
set -u -o pipefail

root=$(realpath "$1")
program=$(realpath "$2")
. "$root/tests/e2e/lib.sh"

"$root/scripts/document" "$program" docs || fail 'scripts/document'
for made in scenarios.md sentences.md teaching/beliefs; do
	diff -r "$root/docs/$made" "docs/$made" >difference || fail "docs/$made is old, run scripts/document: $(head -5 difference)"
done

# Sentences: the chapter's are all there, in order; a claim that does not exist is refused, and so is a check without record.
"$program" list --sentences >listed || fail 'list --sentences'
grep -oE '^ *[0-9]+  ' listed | tr -d ' ' >numbers
sort -cnu numbers && [ "$(grep -cE '^([1-9]|[1-8][0-9]|9[0-2])$' numbers)" = 92 ] || fail "numbers: $(tr '\n' ' ' <numbers)"
grep -A1 '^ 43  ' listed | grep -q 'claims K1 (lost_update)' || fail "sentence 43: $(grep -A2 '^ 43  ' listed)"
grep -A1 '^ 28  ' listed | grep -q 'claims M2, M2.memfd, .*M2.faults (attach_existing)' || fail "sentence 28: $(grep -A2 '^ 28  ' listed)"
printf '#!/bin/sh\n"%s" "$@" | sed "s,\\"claims\\": \\"K5 K6[^\\"]*,\\"claims\\": \\"K5 $CLAIM,"\n' "$program" >mistaken
chmod +x mistaken
for claim in K6.nothing 'Z9.*' power/nothing; do
	CLAIM=$claim expect 5 "sentence 8 names $claim, which is no" "$root/scripts/beliefs" ./mistaken docs
done
CLAIM= "$root/scripts/beliefs" ./mistaken docs || fail "the same without a mistake"
grep -q 'No sentence above names .*\[K6.private\]' docs/sentences.md || fail 'a claim that no sentence names is not told'

# Conditions of a claim besides its sentence.
"$program" list rate_sweep message_passing transport_throughput >listed || fail 'no list of scenarios'
for term in 'as far as its control T8.shm_ring is supported' 'on arm64 alone' 'where both sides have at least 2 messages in flight'; do
	grep -q "^            $term\$" listed || fail "list does not say \"$term\""
	grep -q "(judged .*$(sed 's/T8.shm_ring/`&`/' <<<"$term")" docs/scenarios.md || fail "docs/scenarios.md would not say \"$term\""
done

# Every command in the lessons and the questions exists.
"$program" demo --list >demos || fail 'no list of demonstrations'
grep -ohE '`shmeter [^`]+`|^    shmeter .*' "$root"/docs/teaching/*.md $(find "$root/docs/teaching/questions" -name "*.md") "$root"/docs/faq.md |
	tr -d '`' | sed 's/^ *//; s/ *&$//' | sort -u >commands
while read -r _ command rest; do
	case $command in
	run)
		rest=${rest/run_folder/results}
		eval "\"$program\" run $rest --dry-run" >out 2>&1 ||
			grep -q 'none of the requested cases can run here' out || fail "shmeter run $rest: $(cat out)"
		;;
	demo)
		[ -z "$rest" ] || [ "$rest" = watch ] || grep -q "^$rest	" demos || fail "there is no demonstration \"$rest\""
		;;
	list)
		eval "\"$program\" list $rest" >out 2>&1 || fail "shmeter list $rest: $(cat out)"
		;;
	doctor | ab | tune | selftest | history) ;;
	choose) # it would measure
		eval "\"$program\" choose $rest --help" >out 2>&1 || fail "shmeter choose $rest: $(cat out)"
		;;
	*) fail "shmeter $command is no command" ;;
	esac
done <commands
# Twenty questions: each page has its parts, its answer five sentences, and all links lead somewhere.
questions=$root/docs/teaching/questions
[ "$(grep -cE '^[0-9]+\. \[.*\]\([a-z-]+\.md\)$' "$questions/README.md")" = 20 ] && [ "$(find "$questions" -name '*.md' | wc -l)" = 21 ] ||
	fail 'there are not twenty questions'
for page in "$questions"/[a-z]*.md; do
	for part in 'What to run' 'What it shows' 'The answer'; do grep -qx "## $part" "$page" || fail "$page lacks \"$part\""; done
	count=$(sed '1,/^## The answer/d; /^The claims:/,$d' "$page" | tr '\n' ' ' | grep -oE '\. *( [A-Z]| (mmap|msync|fork)|$)' | wc -l)
	[ "$count" = 5 ] || fail "the answer of $page has $count sentences"
done
for page in "$questions"/*.md "$root"/docs/sentences.md; do
	grep -oE '\]\([^)#]+' "$page" | sed 's/](//' | sort -u | while read -r link; do
		[ -e "$(dirname "$page")/$link" ] || echo "$page links to $link"
	done
done | grep . && fail 'a link leads nowhere'
[ "$(wc -l <commands)" -ge 60 ] || fail "only $(wc -l <commands) commands were found in the lessons"
[ $failed = 0 ] && echo "the documents are up to date, and their $(wc -l <commands) commands exist"
exit $failed
