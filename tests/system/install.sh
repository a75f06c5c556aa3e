#!/bin/bash
# What `make install` puts where, by PREFIX and DESTDIR, and that systemd takes the unit as it is installed.
. "$(dirname "$0")/lib.sh"
mk() { MAKEFLAGS= make --no-print-directory BUILD="$BUILD" DEPS_SKIP=1 "$@" >"$T/make.log" 2>&1 || fail "make $*: $(cat "$T/make.log")"; }
there() { for f; do [ -e "$f" ] || fail "$f is not there"; CHECKS=$((CHECKS + 1)); done; }

mk install DESTDIR="$T/stage" PREFIX=/opt/tasuki
there "$T"/stage/opt/tasuki/{bin/tasuki,bin/tasukid,lib/systemd/system/tasukid.service,share/doc/tasuki/{README,PROTOCOL,OPERATIONS}.md}
grep -qx 'ExecStart=/opt/tasuki/bin/tasukid --dir /var/lib/tasuki' "$T/stage/opt/tasuki/lib/systemd/system/tasukid.service" ||
    fail "the unit starts another program"
[ "$("$T/stage/opt/tasuki/bin/tasuki" --version)" = "$("$BUILD/tasuki" --version)" ] || fail "another program was installed"
mk uninstall DESTDIR="$T/stage" PREFIX=/opt/tasuki
[ -z "$(find "$T/stage" -type f)" ] || fail "left behind: $(find "$T/stage" -type f)"

# systemd looks for the program where the unit says that it is.
if command -v systemd-analyze >/dev/null; then
    mk install PREFIX="$T/real"
    unit=$T/real/lib/systemd/system/tasukid.service
    OUT=$(systemd-analyze verify "$unit" 2>&1); RC=$?
    [ $RC = 0 ] && ! grep -q tasukid.service: <<<"$OUT" || fail "systemd does not take the unit: $OUT"
    CHECKS=$((CHECKS + 1))
else
    echo "SKIP systemd-analyze is not here"
fi
done_well
