#!/bin/bash
# A member of the roster that keeps to no rule: forged and borrowed consent, false stops, other people's referrals,
# rubbish on the wire and at the control socket, floods. What it says is refused or moves nothing; the others go on.
. "$(dirname "$0")/lib.sh"
network
node 01100-YC
node X001
node X005 --post 01100-YC
admit 01100-YC X001 X005
start 01100-YC X001
details
card 01100-YC haru child 204060

BAD=0
# hostile VICTIM GROUP WORDS...: one line an attack; goes on after a failure, so that all are seen.
hostile() {
    local victim=$1; shift
    "$BUILD/tests/system/hostile" "$T/X005" "$victim" "$T/$victim" "$@" >"$T/hostile.out" 2>"$T/hostile.err"
    RC=$?
    [ "${ATTACK_VERBOSE:-0}" = 0 ] || cat "$T/hostile.out"
    grep -c '^ok' "$T/hostile.out" >"$T/n" && CHECKS=$((CHECKS + $(cat "$T/n")))
    [ "$RC" = 0 ] && return
    BAD=$((BAD + 1))
    echo "--- hostile $victim $*"
    grep -A1 -E '^FAILED' "$T/hostile.out"
    tail -n 3 "$T/hostile.out" "$T/hostile.err"
}
# logged NODE PATTERN: the node wrote a line about it.
logged() {
    grep -qE -- "$2" "$T/$1.log" || { echo "--- $1 logged no '$2'"; BAD=$((BAD + 1)); }
    CHECKS=$((CHECKS + 1))
}
alive() { kill -0 "${PID[$1]}" 2>/dev/null || fail "$1 is dead"; }

# ---- a true referral between two honest nodes, which nothing below may touch ----
refer 01100-YC X001 "$CARD_haru" --urgency U3; ok
HONEST=$REF
give 01100-YC "$HONEST" haru C1,C6; ok
until_ok 10 opens X001 "$HONEST" C6

hostile X001 consent
logged X001 'event=conflict type=grant'
logged X001 'event=record_refused .*e\.badsig'
logged X001 'event=clock_ahead'
hostile X001 holders
logged X001 'event=conflict type=holder'
hostile X001 stops
logged X001 'event=false_stop'
hostile X001 order
logged X001 'event=fork'
hostile X001 stranger "$HONEST" "$GRANT" P1
opens X001 "$HONEST" C6 || fail "a stranger stopped an honest referral"
hostile X001 wire
logged X001 'event=mail_dropped'
logged X001 'event=request_refused'
hostile 01100-YC wire
hostile X001 control
hostile X001 escape
evil=$(sed -n 's/^REF //p' "$T/hostile.out")
"$BUILD/tasuki" open "$evil" C6 --purpose P1 --ui en --dir "$T/X001" >"$T/shown" 2>&1 || { echo "--- escape: not opened"; cat "$T/shown"; BAD=$((BAD + 1)); }
if LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$T/shown"; then
    echo "--- escape: what a sender wrote reaches the terminal of the recipient's staff as it is"; BAD=$((BAD + 1))
fi
refer 01100-YC X005 "$CARD_haru" --urgency U3; ok
hostile 01100-YC recipient "$REF"
for what in forks stops pending; do
    hostile X001 flood "$what" "${ATTACK_FLOOD:-1270}"
    grep took "$T/hostile.out"
done
hostile X001 numbers
alive X001; alive 01100-YC

# ---- the honest ones were not touched ----
opens X001 "$HONEST" C6 || fail "the honest referral does not open any more"
is 'o["content"]["c6.words"]' "$WORDS"
at X001 ack "$HONEST"; ok
until_ok 20 state_is 01100-YC "$HONEST" acked
at 01100-YC consent withdraw "$GRANT" --code "$CODE"; ok
until_ok 20 opens X001 "$HONEST" C6 e.withdrawn
[ "$BAD" = 0 ] || fail "$BAD attacks were not answered as they should be"
done_well
