#!/bin/sh
# words.sh - what must not stand in the tree: paths of one machine, and words that no family-facing text uses.
set -eu
bad=0
files=$(find . -path ./.git -prune -o -path './build*' -prune -o -type f \( -name '*.[ch]' -o -name '*.def' -o -name '*.md' -o -name '*.sh' -o -name Makefile -o -name '*.mk' -o -name '*.mjs' \) -print)
hits=$(grep -nE '(^|[^A-Za-z0-9._-])/(work|farm|root)/' $files || :)
[ -z "$hits" ] || { echo "words: paths of one machine: $hits" >&2; bad=1; }
hits=$(grep -nE '対象者|虐待家庭' schema/notices.def || :)
[ -z "$hits" ] || { echo "words: not for families: $hits" >&2; bad=1; }
[ $bad = 0 ] && echo "lint words: ok"
exit $bad
