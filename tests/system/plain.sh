#!/bin/bash
# The plain path through real processes: referred, arrived, acknowledged, consented, opened, accepted, connected, withdrawn;
# then a decline with a re-route to the agency that was recommended.
. "$(dirname "$0")/lib.sh"
network
node 01100-YC
node X001
node X005 --post 01100-YC
admit 01100-YC X001 X005
start 01100-YC X001 X005
details
card 01100-YC haru child 204060

# ---- refer to withdraw ----
refer 01100-YC X001 "$CARD_haru" --urgency U3; ok
is 'len(o["referral"])' 32
until_ok 10 state_is X001 "$REF" arrived
until_ok 10 state_is 01100-YC "$REF" arrived
is 'o["responsible"]' 01100-YC
at X001 inbox; ok
is 'len(o["referrals"])' 1
is 'o["referrals"][0]["needs"]' '["N07"]'
is 'o["referrals"][0]["urgency"]' U3
is 'o["referrals"][0]["ward"]' 011029
is '[k for k in o["referrals"][0] if k in ("name", "holders", "items")]' '[]'
nowhere "$T/X001" "$NAME" "$TEL" "$WORDS"
at X001 open "$REF" C1 --purpose P1; no 1 e.noconsent
at X001 ack "$REF"; ok
until_ok 10 state_is 01100-YC "$REF" acked

at 01100-YC consent show "$REF" --card-file "$T/haru.card" --pin-file "$T/haru.pin"; ok
is '[c["category"] for c in o["categories"]]' '["C1","C2","C6"]'
is 'o["categories"][0]["content"]["c1.name"]' "$NAME"
printf '999999' >"$T/wrong.pin"
at 01100-YC consent show "$REF" --card-file "$T/haru.card" --pin-file "$T/wrong.pin"; ok
is 'o["categories"]' '[]'
at 01100-YC consent give "$REF" --card-file "$T/haru.card" --pin-file "$T/wrong.pin" --category C1 --until "$(date -d '+9 days' +%F)"
no 1 e.wrongholder
give 01100-YC "$REF" haru C9; no 1 e.unknown
at 01100-YC consent give "$REF" --card-file "$T/haru.card" --pin-file "$T/haru.pin" --category C1 --until 2199-01-01
[ "$RC" = 1 ] || [ "$RC" = 2 ] || fail "an end beyond the limit was taken"
get 'o["error"]["next"]' | grep -Eq -- '20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]' || fail "the latest day is not named"
give 01100-YC "$REF" haru C1,C6; ok
is 'o["released"]' true
is 'o["receipt"]["schema_version"]' 'ISO/IEC TS 27560:2023'
# every mandatory field of the specification (docs/PROTOCOL.md section 11)
lacks() { is "[k for k in '${*:2}'.split() if not $1.get(k)]" '[]'; }
processing='o["receipt"]["pii_processing"][0]'
lacks 'o["receipt"]' 'schema_version record_id receipt_id pii_principal_id pii_processing events'
lacks "$processing" privacy_notice language purpose pii_information pii_controllers storage_locations \
    retention_period jurisdiction recipient_third_parties withdrawal_method
lacks "$processing[\"pii_information\"][0]" pii_type
for party in pii_controllers recipient_third_parties; do
    lacks "$processing[\"$party\"][0]" 'party_id party_name party_address party_contact party_type'
done
lacks 'o["receipt"]["events"][0]' 'event_time validity_duration entity_id event_type event_state'
until_ok 10 opens X001 "$REF" C1
is 'o["content"]["c1.name"]' "$NAME"
is 'len(o["open"]) in (32, 64)' true
at X001 open "$REF" C6 --purpose P1; ok
is 'o["content"]["c6.words"]' "$WORDS"
at X001 open "$REF" C2 --purpose P1; no 1 e.notgranted
at X001 open "$REF" C1 --purpose P2; no 1 e.purpose
at X005 open "$REF" C1 --purpose P1; no 1 e.unknown
at X005 inbox; ok
is 'o["referrals"]' '[]'
nowhere "$T/X001" "$NAME" "$TEL" "$WORDS"
nowhere "$T/X005" "$NAME" "$TEL" "$WORDS"
nowhere "$T/01100-YC" "$NAME" "$TEL" "$WORDS" 204060

at 01100-YC receipt "$GRANT" --card-file "$T/haru.card" --pin-file "$T/haru.pin"; ok
is 'o["code"]' "$CODE"
at 01100-YC receipt "$GRANT" --card-file "$T/haru.card" --pin-file "$T/wrong.pin"; no 1 e.wrongholder

at X001 accept "$REF"; ok
until_ok 10 state_is X001 "$REF" handed
is 'o["responsible"]' X001
at 01100-YC recall "$REF"; no 1 e.accepted
at X001 appoint "$REF" --at 2027-01-08T16:00; ok
at X001 connect "$REF" --outcome O12; ok
until_ok 10 state_is 01100-YC "$REF" connected
is '[e["state"] for e in o["events"]]' '["queued","arrived","acked","accepted","handed","appointed","connected"]'
is 'sorted(set(x["category"] for x in o["openings"]))' '["C1","C6"]'

at X001 export "$REF" --out "$T/out"; ok
nowhere "$T/out" "$NAME" "$TEL" "$WORDS"
tk verify --roster "$T/out/roster.cose" "$T"/out/*.cose; ok
is 'o["ok"]' true
is 'set(f["signature"] for f in o["files"]) == {"ok"}' true
first=$(ls "$T"/out/*-referral.cose)
python3 - "$first" <<'PY'
import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[-1] ^= 1
open(sys.argv[1], "wb").write(b)
PY
tk verify --roster "$T/out/roster.cose" "$first"; no 1 e.badsig
is 'o["files"][0]["signature"]' bad

at 01100-YC consent withdraw "$GRANT" --code "AAAA-$CODE"; no 1 e.wrongcode
at 01100-YC consent withdraw "$GRANT" --card-file "$T/haru.card" --pin-file "$T/wrong.pin"; no 1 e.wrongholder
at 01100-YC consent withdraw "$GRANT" --card-file "$T/haru.card" --pin-file "$T/haru.pin"; ok
until_ok 10 opens X001 "$REF" C1 e.withdrawn
until_ok 10 state_is 01100-YC "$REF" withdrawn
is 'o["responsible"]' 01100-YC

# ---- decline and re-route ----
refer 01100-YC X001 "$CARD_haru"; ok
until_ok 10 state_is X001 "$REF" arrived
at X001 decline "$REF" --reason D3 --recommend X005; ok
until_ok 10 state_is 01100-YC "$REF" declined
is 'o["responsible"]' 01100-YC
at X001 accept "$REF"
[ "$RC" = 1 ] || fail "accepted after declining"
old=$REF
at 01100-YC reroute "$old" --to X005 --detail "C1=$T/c1.json,C6=$T/c6.json"; ok
REF=$(get 'o["referral"]')
[ "$REF" != "$old" ] || fail "the same number"
until_ok 10 state_is X005 "$REF" arrived
at 01100-YC history "$old"; ok
is 'o["state"]' rerouted
is 'o["responsible"]' null
nowhere "$T/X005" "$NAME" "$TEL" "$WORDS"
at X005 open "$REF" C1 --purpose P1; no 1 e.noconsent
give 01100-YC "$REF" haru C6; ok
until_ok 10 opens X005 "$REF" C6
is 'o["content"]["c6.words"]' "$WORDS"
at X005 open "$REF" C1 --purpose P1; no 1 e.notgranted
at X001 open "$REF" C6 --purpose P1; no 1 e.unknown
at 01100-YC consent withdraw "$GRANT" --staff-reason S1; ok
until_ok 10 opens X005 "$REF" C6 e.withdrawn
done_well
