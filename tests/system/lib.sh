# lib.sh - networks of real nodes for the system tests. Source it; everything lives in $T and ends with the script.
# shellcheck shell=bash
set -u
: "${BUILD:?the folder with tasuki and tasukid}"
export LANG=C.UTF-8
unset LC_ALL LC_MESSAGES
T=$(mktemp -d "${TMPDIR:-/tmp}/tasuki-test-XXXXXX")
declare -A PID=()
CHECKS=0

cleanup() {
    for id in "${!PID[@]}"; do kill -9 "${PID[$id]}" 2>/dev/null; done
    wait 2>/dev/null
    rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

fail() {
    echo "FAILED at line ${BASH_LINENO[*]}: $*" >&2
    echo "last answer ($RC): ${OUT:-}" >&2
    for f in "$T"/*.log; do [ -e "$f" ] && { echo "--- $f"; tail -n 15 "$f"; } >&2; done
    exit 1
}

# ---- running tasuki ----
OUT= RC=0
# tk WORDS...: runs tasuki with --json; OUT = the object, RC = the exit status. Exactly one object, whatever happens.
tk() {
    OUT=$("$BUILD/tasuki" "$@" --json --ui en 2>"$T/stderr"); RC=$?
    [[ $OUT == "{"*"}" && $OUT != *$'\n'* ]] || fail "not one JSON object: $*: $OUT"
}
# at ID WORDS...: the same at a node.
at() { local id=$1; shift; tk "$@" --dir "$T/$id"; }

# get EXPR: a Python expression over `o`, the last answer; prints it ("" for a missing key, true/false/null as in JSON).
get() {
    printf '%s' "$OUT" | python3 -c '
import json, sys
o = json.loads(sys.stdin.read())
try:
    v = eval(sys.argv[1])
except (KeyError, IndexError):
    v = ""
print(v if isinstance(v, str) else json.dumps(v, ensure_ascii=False, sort_keys=True, separators=(",", ":")))' "$1"
}
# is EXPR VALUE: asserts on the last answer.
is() {
    local got; got=$(get "$1")
    [ "$got" = "$2" ] || fail "$1 is '$got', want '$2'"
    CHECKS=$((CHECKS + 1))
}
ok() { [ "$RC" = 0 ] || fail "exit $RC: $(get 'o["error"]')"; CHECKS=$((CHECKS + 1)); }
# no RC CODE: the last call was refused so.
no() {
    [ "$RC" = "$1" ] || fail "exit $RC, want $1 $2"
    is '[o["error"]["code"], o["error"]["sent"], o["error"]["text"] != "", o["error"]["next"] != "", list(o) == ["error"] or "files" in o]' \
        "[\"$2\",false,true,true,true]"
}
# until_ok SECONDS COMMAND...: tries until it succeeds.
until_ok() {
    local end=$((SECONDS + $1)); shift
    until "$@"; do [ $SECONDS -lt $end ] || fail "not within the time: $*"; sleep 0.05; done
    CHECKS=$((CHECKS + 1))
}
# state_is ID REFERRAL STATE, for until_ok.
state_is() { at "$1" history "$2"; [ "$RC" = 0 ] && [ "$(get 'o["state"]')" = "$3" ]; }
# opens ID REFERRAL CATEGORY [CODE]: `open` gives content, or is refused with CODE; for until_ok.
opens() {
    at "$1" open "$2" "$3" --purpose P1
    if [ $# -gt 3 ]; then [ "$(get 'o["error"]["code"]')" = "$4" ]; else [ "$RC" = 0 ]; fi
}

# ---- networks ----
port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
network() { tk roster new --dir "$T/R" --name test "$@"; ok; }
# node ID [FLAGS]: listens on ipc unless the flags say --post.
node() {
    local id=$1; shift
    case " $* " in
    *" --post "*) tk node new --dir "$T/$id" --id "$id" --role sender,recipient "$@" ;;
    *) tk node new --dir "$T/$id" --id "$id" --role sender,recipient,postoffice --listen "ipc://$T/$id.sock" "$@" ;;
    esac
    ok
}
# admit ID...: and installs the new roster at every node given, and at those in PID.
admit() {
    local dirs=() id
    for id; do dirs+=("$T/$id"); done
    tk roster admit --dir "$T/R" "${dirs[@]}"; ok
    install_at "$@" "${!PID[@]}"
}
install_at() { local id; for id; do tk roster install --dir "$T/$id" "$T/R/roster.cose"; ok; done; }
start() {
    local id
    for id; do
        "$BUILD/tasukid" --dir "$T/$id" 2>>"$T/$id.log" </dev/null & PID[$id]=$!
    done
    for id; do at "$id" status; ok; is 'o["ready"]' true; done
}
# stop ID: SIGTERM, and it must end well.
stop() {
    kill -TERM "${PID[$1]}"; wait "${PID[$1]}" || fail "tasukid of $1 ended with $?"
    unset "PID[$1]"; CHECKS=$((CHECKS + 1))
}
kill9() { kill -9 "${PID[$1]}"; wait "${PID[$1]}" 2>/dev/null; unset "PID[$1]"; }

# ---- families ----
# card ID NAME KIND PIN: a card at a node; CARD_<NAME> is its id, $T/NAME.card and $T/NAME.pin its files.
card() {
    printf '%s\n' "$4" >"$T/$2.pin"
    at "$1" card new --kind "$3" --pin-file "$T/$2.pin"; ok
    get 'o["card"]' >"$T/$2.card"
    printf -v "CARD_$2" '%s' "$(get 'o["card_id"]')"
}
NAME='見本 はる' TEL='090-0000-0177' WORDS='計算がむずかしい'
details() {
    cat >"$T/c1.json" <<JSON
{"c1.name":"$NAME","c1.kana":"みほん はる","c1.birth":"2011-05-05","c1.tel":"$TEL","c1.how":"夕方"}
JSON
    echo '{"c2.pref":"1","c2.single":true}' >"$T/c2.json"
    cat >"$T/c6.json" <<JSON
{"c6.needs":["N07"],"c6.words":"$WORDS","c6.wish":"わかるようになりたい","c6.ask":"週1回","c6.urgency":"U3"}
JSON
}
# refer FROM TO CARD_ID [FLAGS]: REF is its id. A person of 15, who decides alone under rule 1.
refer() {
    local from=$1 to=$2 card=$3; shift 3
    at "$from" refer --to "$to" --need N07 --age-band A4 --ward 011029 --holder "$card" --birth 2011-05-05 \
        --detail "C1=$T/c1.json" --detail "C2=$T/c2.json,C6=$T/c6.json" "$@"
    [ "$RC" != 0 ] || REF=$(get 'o["referral"]')
}
# give ID REFERRAL NAME CATEGORIES: GRANT and CODE.
give() {
    at "$1" consent give "$2" --card-file "$T/$3.card" --pin-file "$T/$3.pin" --category "$4" --until "$(date -d '+100 days' +%F)"
    [ "$RC" != 0 ] || { GRANT=$(get 'o["grant"]'); CODE=$(get 'o["code"]'); }
}
# nowhere DIR TEXT...: none of the texts stands in any file under DIR.
nowhere() {
    local dir=$1 text; shift
    for text; do ! grep -rqaF -- "$text" "$dir" || fail "'$text' stands under $dir"; CHECKS=$((CHECKS + 1)); done
}
done_well() { for id in "${!PID[@]}"; do stop "$id"; done; echo "$CHECKS checks"; }
