#!/bin/sh
# docs.sh - the documents keep up with the tables: every record, state and table row is named in them.
set -eu
bad=0
need() { # need WORD FILE: the word stands in the file
    grep -qE "(^|[^A-Za-z0-9_])$1([^A-Za-z0-9_]|\$)" "$2" || { echo "docs: $2 does not mention $1" >&2; bad=1; }
}
for r in $(sed -n 's/^TSK_RECORD(\([a-z]*\),.*/\1/p' schema/records.def); do need "$r" docs/PROTOCOL.md; done
for s in $(sed -n 's/^TSK_STATE([A-Z_]*, [0-9]*, "\([a-z_]*\)".*/\1/p' schema/states.def); do need "$s" docs/PROTOCOL.md; done
for f in $(git ls-files '*.def' 2>/dev/null | grep -E '^(schema|crypto|node)/'); do need "$(basename "$f" .def)\\.def" docs/ARCHITECTURE.md; done
for d in $(grep -ohE '`[a-z_]+/[A-Za-z0-9_./-]+\.(c|h|def|sh|md|mjs|service)`' docs/*.md README.md | tr -d '`' | sort -u); do
    case $d in *'*'*) ;; *) [ -e "$d" ] || { echo "docs: $d is named but not there" >&2; bad=1; } ;; esac
done
[ $bad = 0 ] && echo "docs: ok"
exit $bad
