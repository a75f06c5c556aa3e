#!/bin/bash
# make demo in both languages: ends well, within its time, leaves no process and no folder; a broken one says so.
. "$(dirname "$0")/lib.sh"
mkdir "$T/tmp"
for ui in ja en; do
    start=$SECONDS
    TMPDIR="$T/tmp" "$BUILD/tasuki" demo --ui $ui >"$T/demo.$ui.txt" 2>"$T/demo.$ui.err" || { cat "$T/demo.$ui.txt" "$T/demo.$ui.err"; fail "demo --ui $ui"; }
    [ $((SECONDS - start)) -le 60 ] || fail "too slow: $((SECONDS - start)) s"
    [ -z "$(ls -A "$T/tmp")" ] || fail "a folder is left"
    [ ! -s "$T/demo.$ui.err" ] || fail "it complains: $(cat "$T/demo.$ui.err")"
done
tail -n 1 "$T/demo.ja.txt" | grep -Eq '^[0-9]+ 項目を確かめました$' || fail "no last line"
tail -n 1 "$T/demo.en.txt" | grep -Eq '^[0-9]+ checks passed$' || fail "no last line"
grep -q '  NG  ' "$T"/demo.*.txt && fail "a check failed, and the status did not say so"
! pgrep -f "tasukid --dir $T" >/dev/null || fail "a process is left"
# Without tasukid beside it, it cannot succeed.
mkdir "$T/bin" && cp "$BUILD/tasuki" "$T/bin/" && ln -s /bin/false "$T/bin/tasukid"
TMPDIR="$T/tmp" timeout 120 "$T/bin/tasuki" demo >/dev/null 2>&1 && fail "it succeeded without nodes"
[ -z "$(ls -A "$T/tmp")" ] || fail "a folder is left"
echo done
