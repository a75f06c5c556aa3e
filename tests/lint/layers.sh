#!/bin/sh
# layers.sh - an include may only point left: schema <- crypto <- node; inside node: core <- store <- post <- desk <- cli.
# One library, one home. (That nothing is called against this order, the unit tests' links prove.)
set -eu
bad=0
say() { echo "layers: $*" >&2; bad=1; }

forbid() { # forbid FILES PATTERN WHY
    hits=$(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]+[<\"]($2)" $1 2>/dev/null) || return 0
    say "$3"; echo "$hits" >&2
}
S=$(ls schema/*.[ch] schema/*.def) C=$(ls crypto/*.[ch]) N=$(find node -name '*.[ch]')
under() { find "$1" -name '*.[ch]'; }

forbid "$S" '(crypto|node|tests)/' 'schema/ includes only schema/'
forbid "$S" '(openssl|nng)/|sodium\.h|lmdb\.h|jansson\.h|microhttpd\.h|time\.h|unistd\.h|sys/|pthread\.h' 'schema/ is pure: no I/O, no clock, no libraries'
forbid "$C" '(node|tests)/' 'crypto/ includes only schema/ and crypto/'
forbid "$C" 'nng/|lmdb\.h|jansson\.h|microhttpd\.h' 'crypto/ takes time as an argument and does no I/O'
forbid "$N" '(openssl/|sodium\.h|tests/)' '<openssl/...> and <sodium.h> live in crypto/ only'
forbid "$(under node/core)" 'node/(store|post|desk|cli|web)/' 'node/core stands on nothing but itself'
forbid "$(under node/store)" 'node/(post|desk|cli|web)/' 'node/store points left only'
forbid "$(under node/post)" 'node/(desk|cli|web)/' 'node/post points left only'
forbid "$(under node/desk)" 'node/(cli|web)/' 'node/desk points left only'
# snprintf (stdio.h) and time_t (time.h, for X.509) are no I/O and no clock; these are.
for d in schema crypto; do
    hits=$(grep -nE '(^|[^a-z_])(printf|fprintf|fopen|open|read|write|time|clock_gettime|gettimeofday) ?\(' $d/*.c | grep -vE '^[^:]*:[0-9]*: *(/\*|\*)' || :)
    [ -z "$hits" ] || { say "$d/ does no I/O and reads no clock"; echo "$hits" >&2; }
done
for home in 'nng/:node/post' 'lmdb\.h:node/store' 'jansson\.h:node/desk|node/cli' 'qrencode\.h:node/cli' 'microhttpd\.h:node/web'; do
    lib=${home%%:*} dir=${home#*:}
    hits=$(grep -lE "^#[[:space:]]*include[[:space:]]+<($lib)" $S $C $N 2>/dev/null | grep -vE "^($dir)/" || :)
    [ -z "$hits" ] || say "<$lib...> outside $dir: $hits"
done
[ $bad = 0 ] && echo "lint layers: ok"
exit $bad
