#!/bin/sh
# style.sh - what the house style can measure: functions of 60 lines at most, files of 500 (tables exempt), no goto, no
# tabs, lines of 128 columns at most, calls that are easy to misuse, silenced checks, marks of unfinished work.
set -eu
bad=0
say() { echo "style: $*" >&2; bad=1; }
src=$(find schema crypto node tests -name '*.[ch]' | sort)
product=$(find schema crypto node -name '*.[ch]' | sort)

long=$(wc -l $src | awk '$2 != "total" && $2 != "schema/shapes.c" && $1 > 500 { print $2 " has " $1 " lines" }') # shapes.c is a table
[ -z "$long" ] || say "files over 500 lines: $long"

if command -v ctags >/dev/null 2>&1; then
    fns=$(ctags -f - --languages=C --kinds-C=f --fields=ne --output-format=u-ctags $(find schema crypto node -name '*.c') |
        awk -F'\t' '{ s = e = 0
            for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) s = substr($i, 6); if ($i ~ /^end:/) e = substr($i, 5) }
            if (e - s + 1 > 60) print $2 ":" s " " $1 " " e - s + 1 " lines" }')
    [ -z "$fns" ] || say "functions over 60 lines:
$fns"
fi
grep_bad() { # grep_bad PATTERN WHY FILES
    hits=$(grep -nE "$1" $3 || :)
    [ -z "$hits" ] || say "$2:
$hits"
}
grep_bad '(^|[^a-zA-Z_])goto[^a-zA-Z_]' 'goto' "$product"
grep_bad '(^|[^a-zA-Z_])(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|system|popen|alloca|rand|srand)[[:space:]]*\(' 'calls that are easy to misuse' "$product"
grep_bad '(^|[^a-zA-Z_])typedef[[:space:]]+struct' 'typedef of a struct' "$product"
grep_bad 'TODO|FIXME|not implemented' 'marks of unfinished work' "$src"
grep_bad 'memcmp\([^)]*(secret|key32|seed|_pin|root\.b|cs\.b|wd_code)' 'secrets are compared with tsk_equal' "$product"
tab=$(printf '\t')
grep_bad "$tab" 'tabs' "$src"
wide=$(perl -CSD -ne 'print "$ARGV:$.\n" if length > 129; close ARGV if eof' $src | head -5)
[ -z "$wide" ] || say "lines over 128 columns: $wide"
quiet=$(grep -nE 'NOLINT|cppcheck-suppress|no_sanitize|diagnostic ignored' $src | grep -v -- ' - ' || :)
[ -z "$quiet" ] || say "silenced checks without a reason beside them: $quiet"
[ $bad = 0 ] && echo "lint style: ok"
exit $bad
