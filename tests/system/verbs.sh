#!/bin/bash
# The contract of the command line: exit statuses, one JSON object on refusal too, the forms of flags, files and ids.
. "$(dirname "$0")/lib.sh"
ID=00000000000000000000000000000000

# ---- words, without any node ----
tk nonsense; no 2 e.usage
is 'o["error"]["what"]' nonsense
tk roster; no 2 e.usage
tk inbox; no 2 e.usage
is 'o["error"]["what"]' --dir
tk inbox --dir "$T" --bogus; no 2 e.usage
is 'o["error"]["what"]' --bogus
tk inbox --dir "$T" --bogus=1; no 2 e.usage
is 'o["error"]["what"]' --bogus
tk inbox --dir "$T" --pin-file x; no 2 e.usage
tk inbox --dir; no 2 e.usage
tk inbox --dir "$T" --dir "$T"; no 2 e.usage
tk inbox --dir "$T" extra; no 2 e.usage
tk inbox --dir "$T" --wait soon; no 2 e.usage
tk history --dir "$T" "${ID^^}A" ; no 2 e.usage
tk history --dir "$T" ABCDEFABCDEFABCDEFABCDEFABCDEFAB; no 2 e.usage
tk history --dir "$T" abc; no 2 e.usage
tk open --dir "$T" $ID C77 --purpose P1; no 2 e.usage
tk consent give --dir "$T" $ID --card-file - --pin-file - --category C1 --until 2027-01-01; no 2 e.usage
is 'o["error"]["what"]' -
tk consent give --dir "$T" $ID --card-file a --pin-file b --until 2027-01-01; no 2 e.usage
is 'o["error"]["what"]' --category
tk consent refuse --dir "$T" $ID --card-file a --pin-file b --category C1 --until 2027-01-01; no 2 e.usage
tk consent withdraw --dir "$T" $ID; no 2 e.usage
tk consent withdraw --dir "$T" $ID --code A --staff-reason S1; no 2 e.usage
tk inbox --dir "$T" --wait 0; no 3 e.notready
tk roster install --dir "$T" "$T/none"; no 2 e.badfile
tk verify "$T/none"; no 2 e.badfile
tk help nonsense; no 2 e.usage
tk help; ok
tk help consent give; ok
is 'o["verbs"][0]["verb"]' 'consent give'
tk inbox --help; ok
tk --version; ok
[ -n "$(get 'o["version"]')" ] || fail "no version"
"$BUILD/tasuki" >/dev/null 2>&1; [ $? = 2 ] || fail "no words at all is not usage"
"$BUILD/tasuki" inbox --bogus >"$T/out.txt" 2>"$T/err.txt"; [ $? = 2 ] && [ ! -s "$T/out.txt" ] || fail "human refusal on stdout"
[ "$(wc -l <"$T/err.txt")" = 3 ] || fail "a human refusal has three lines"
LANG=ja_JP.UTF-8 "$BUILD/tasuki" inbox --bogus 2>&1 | grep -q 指定が || fail "LANG=ja does not speak Japanese"
LC_ALL=ja_JP.UTF-8 "$BUILD/tasuki" inbox --bogus 2>&1 | grep -q 指定が || fail "LC_ALL does not go before LANG"
LANG=ja_JP.UTF-8 LC_ALL=C LC_MESSAGES=ja "$BUILD/tasuki" inbox --bogus 2>&1 | grep -q understood || fail "LC_ALL does not go before LANG"
LC_MESSAGES=ja_JP.UTF-8 LANG=en_US.UTF-8 "$BUILD/tasuki" inbox --bogus 2>&1 | grep -q 指定が || fail "LC_MESSAGES does not go before LANG"
tk --ui ja help; no 2 e.usage
get 'o["error"]["next"]' | grep -q 'Put the verb first' || fail "where the verb stands is not said"
tk roster new --dir "$T/x" --name x --policy '1|2'; no 2 e.usage
tk consent show --dir "$T" $ID --card-file a --pin-file b --how '1|2'; no 2 e.usage
tk consent show --dir "$T" $ID --card-file a --pin-file b --lang xx; no 2 e.usage
tk inbox --dir "$T" --ui 'ja|en'; no 2 e.usage
tk not-connected --dir "$T" $ID; no 2 e.usage
is 'o["error"]["what"]' --outcome
is '[w in o["error"]["next"] for w in ("--outcome is missing", "O21", "O99", "O12")]' '[true,true,true,false]'
tk decline --dir "$T" $ID; no 2 e.usage
is '"D1" in o["error"]["next"]' true
tk connect --dir "$T" $ID --outcome O21; no 2 e.usage
tk close --dir "$T" $ID; no 2 e.usage
is '"O90" in o["error"]["next"]' true
help() { "$BUILD/tasuki" help --ui en "$@"; }
[ "$(help connect | grep -c '^ *O')" = 8 ] || fail "help connect offers outcomes that do not fit, or twice"
[ "$(help not-connected | grep -c '^ *O')" = 8 ] || fail "help not-connected offers outcomes that do not fit, or twice"
help consent withdraw | grep -q '^ *S9' && fail "help offers a reason that only nodes give"
LANG=ja_JP.UTF-8 "$BUILD/tasuki" inbox --bogus --ui en 2>&1 | grep -q understood || fail "--ui en does not win"

# ---- emergency: before anything else, and without a node ----
tk refer --dir "$T/nowhere" --need N16; no 1 e.emergency
get 'o["error"]["text"]+o["error"]["next"]' | grep 110 | grep -q 189 || fail "no telephone numbers"
tk refer --dir "$T/nowhere" --need N07,N16 --to X001; no 1 e.emergency
tk refer --dir "$T/nowhere" --urgency U0; no 1 e.emergency
tk refer --dir "$T/nowhere" --need=n16 --bogus; no 1 e.emergency
tk refer --need N07,,N16 --need; no 1 e.emergency
echo '{"c6.needs":["N07","N16"]}' >"$T/danger.json"
tk refer --dir "$T/nowhere" --detail "C1=none,C6=$T/danger.json" --bogus; no 1 e.emergency
echo '{"c6.urgency":"U0"}' >"$T/danger2.json"
tk refer --dir "$T/nowhere" --wait 0 --to X001 --need N07 --age-band A4 --ward 011029 --holder $ID --birth 2011-05-05 \
    --detail C6=<(cat "$T/danger2.json"); no 1 e.emergency

# ---- registrar and nodes ----
network
is 'o["policy"]' 1
tk roster new --dir "$T/R" --name again; no 1 e.exists
tk roster new --dir "$T/R2" --name x --policy 3; no 2 e.usage
printf 'id\ttype\n' >"$T/bad.tsv"
tk roster new --dir "$T/R2" --name x --partners "$T/bad.tsv"; no 2 e.badfile
[ ! -e "$T/R2" ] || fail "a refused roster left a folder"
printf 'id\ttype\tname\tward_code\tneeds\thours\tnetwork\tnode\tnote\nZ1\tT08\tためし\t011029\tN07 N08\t月\tinternet\town\tfictional\n' >"$T/good.tsv"
tk roster new --dir "$T/R2" --name x --policy 2 --partners "$T/good.tsv"; ok
is 'o["policy"]' 2
heading='id\ttype\tname\tward_code\tneeds\thours\tnetwork\tnode\tnote' line='Z1\tT08\tためし団体\t011029\tN07\t月\tinternet\town\tfictional'
tsv() { printf "$1\n$2\n" >"$T/p.tsv"; rm -rf "$T/R3"; tk roster new --dir "$T/R3" --name x --partners "$T/p.tsv"; }
tsv "$heading\tkana\tname_en" "$line\tためし だんたい\tTest Group"; ok
tsv "$heading\tname_en" "$line\t"; ok
tsv "$heading\tkana" "$line\tためし団体"; no 2 e.badfile
tsv "$heading\tkana" "$line"; no 2 e.badfile
tsv "$heading\tkana\tkana" "$line\ta\ta"; no 2 e.badfile
tsv "$heading\tphone" "$line\t0"; no 2 e.badfile
tk node new --dir "$T/n" --id lower --role sender --listen ipc:///x; no 2 e.usage
tk node new --dir "$T/n" --id X001 --role king --listen ipc:///x; no 2 e.usage
tk node new --dir "$T/n" --id X001 --role sender; no 2 e.usage
is 'o["error"]["what"]' --post
tk node new --dir "$T/n" --id X001 --role sender --listen http://x; no 2 e.usage
tk node new --dir "$T/n" --id X001 --role sender --listen "ipc:///$(printf 'x%.0s' $(seq 120))"; no 2 e.usage
for host in 0.0.0.0 '[::]' '*' 0; do
    tk node new --dir "$T/n" --id X001 --role sender --listen "tls+tcp://$host:7400"; no 2 e.usage
    is 'o["error"]["what"]' "tls+tcp://$host:7400"
done
tk node new --dir "$T/n" --id X001 --role sender --listen ipc:///x --district 99999-99; no 2 e.usage
[ ! -e "$T/n" ] || fail "a refused node left a folder"
node 01100-YC --district 01102-01,01102-02 --district 01102-03
node X001
tk node new --dir "$T/X001" --id X001 --role sender --listen ipc:///x; no 1 e.exists
tk node new --dir "$T/Z9" --id Z9 --role sender --listen "ipc://$T/z9.sock"; ok
tk roster admit --dir "$T/R" "$T/Z9"; no 1 e.unknownpeer
cp "$T/X001/join.cose" "$T/j.cose"
python3 - "$T/j.cose" <<'PY'
import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[-1] ^= 1
open(sys.argv[1], "wb").write(b)
PY
tk roster admit --dir "$T/R" "$T/j.cose"; no 1 e.badsig
tk roster admit --dir "$T/R" "$T/good.tsv"; no 2 e.badfile
tk node new --dir "$T/X005" --id X005 --role sender --post X004; ok
tk roster admit --dir "$T/R" "$T/X005"; no 1 e.unknownpeer
admit 01100-YC X001
is 'o["seq"]' 2
tk roster admit --dir "$T/R2" "$T/X001"; no 1 e.unknownpeer
tk roster admit --dir "$T/R"; ok # without a join: the same members, a new validity
is '[o["seq"], o["members"]]' '[3,2]'
flock "$T/R/lock" sleep 2 & # somebody else signs
sleep 0.3
tk roster admit --dir "$T/R" --wait 0; no 3 e.locked
tk roster admit --dir "$T/R" --wait 60; ok
is 'o["seq"]' 4
for i in 1 2 3; do "$BUILD/tasuki" roster admit --dir "$T/R" >/dev/null & done
wait # no node runs yet
tk roster admit --dir "$T/R"; ok
is 'o["seq"]' 8
cp "$T/R/roster.cose" "$T/old.cose"
tk roster install --dir "$T/X001" "$T/R2/roster.cose"
[ "$RC" = 1 ] || fail "another network's roster was taken"
tk roster install --dir "$T/Z9" "$T/R/roster.cose" --root "$(printf '0%.0s' $(seq 64))"; no 1 e.rosterroot
[ ! -e "$T/Z9/roster.cose" ] || fail "a refused roster was installed"
tk verify "$T/R/roster.cose" "$T/X001/join.cose"; ok
head -c 100 "$T/X001/join.cose" >"$T/cut.cose"
tk verify "$T/cut.cose"; no 2 e.badfile
tk verify "$T/good.tsv"; no 2 e.badfile
tk verify --roster "$T/R/roster.cose" "$T/X001/join.cose"; ok
is 'o["fingerprint"] != ""' true
"$BUILD/tasuki" verify --ui ja --roster "$T/R/roster.cose" "$T/X001/join.cose" | grep -q '正しい.*参加の申し込み' || fail "verify does not speak Japanese"

# ---- a node that is there ----
start 01100-YC X001
details
at 01100-YC history $ID; no 1 e.unknown
at 01100-YC ack $ID; no 1 e.unknown
at 01100-YC open $ID C1 --purpose P1; no 1 e.unknown
at 01100-YC open $ID C1 --purpose P9; no 2 e.usage
at 01100-YC card stop $ID; no 1 e.unknown
at 01100-YC consent withdraw $ID --staff-reason S1; no 1 e.unknown
printf '12345\n' >"$T/short.pin"
at 01100-YC card new --kind child --pin-file "$T/short.pin"; no 2 e.badpin
at 01100-YC card new --kind child --pin-file "$T/none"; no 2 e.badfile
at 01100-YC card new --kind aunt --pin-file "$T/short.pin"; no 2 e.usage
card 01100-YC haru child 204060
[ "$(stat -c %a "$T/01100-YC")" = 700 ] || fail "the folder is open"

# flags before and after words, = and space, - once, -- as the end
printf 'TSK1:AAAA' >"$T/bad.card"
at 01100-YC consent show $ID --card-file "$T/bad.card" --pin-file "$T/haru.pin"; no 2 e.badqr
OUT=$("$BUILD/tasuki" card new --json --kind=guardian --dir="$T/01100-YC" --pin-file - --svg "$T/card.svg" <<<'１２３４５６'); RC=$?; ok
is 'o["card"][:5]' TSK1:
GUARDIAN=$(get 'o["card_id"]')
[ "$(stat -c %a "$T/card.svg")" = 600 ] || fail "the card's picture is open"
grep -q '<svg' "$T/card.svg" || fail "no picture"
grep -Eqi 'child|guardian|welfare|consent' "$T/card.svg" && fail "the card says what it is for"
sed 's/しるし://' "$T/card.svg" | LC_ALL=C grep -q '[^ -~]' && fail "the card says something"
get 'o["card"]' >"$T/g.card"; echo 123456 >"$T/g.pin"
if command -v rsvg-convert >/dev/null && command -v zbarimg >/dev/null; then
    rsvg-convert -d 300 -p 300 -o "$T/card.png" "$T/card.svg" && [ "$(zbarimg -q --raw "$T/card.png")" = "$(cat "$T/g.card")" ] || fail "the QR code does not read"
fi
OUT=$("$BUILD/tasuki" history --json --ui en --dir "$T/01100-YC" -- $ID); RC=$?; no 1 e.unknown
OUT=$("$BUILD/tasuki" history --json --ui en --dir "$T/01100-YC" -- --wait); RC=$?; no 2 e.usage
tk history $ID --dir "$T/01100-YC"; no 1 e.unknown
at 01100-YC card enrol --kind guardian --card-file "$T/g.card" --pin-file "$T/g.pin"; ok
is 'o["unused"]' 64
# a slip of the PIN enrols nothing: nobody could use such keys
echo 123457 >"$T/slip.pin"
at 01100-YC card enrol --kind guardian --card-file "$T/g.card" --pin-file "$T/slip.pin"; no 1 e.wrongholder
at 01100-YC card enrol --kind child --card-file "$T/g.card" --pin-file "$T/g.pin"; no 1 e.exists
get 'o["error"]["next"]' | grep -q -- '--kind guardian' || fail "whose card it is, is not said"
at 01100-YC card enrol --kind guardian --card-file "$T/g.card" --pin-file "$T/g.pin"; ok
is 'o["unused"]' 96
"$BUILD/tasuki" card new --kind child --dir "$T/01100-YC" --pin-file "$T/g.pin" --svg "$T/c2.svg" --ui en >"$T/new.txt" || fail "no card"
grep -q 'in the picture' "$T/new.txt" && ! grep -q TSK1: "$T/new.txt" || fail "the card's text is on the screen: $(cat "$T/new.txt")"
at X001 card enrol --kind guardian --card-file "$T/g.card" --pin-file "$T/g.pin"; ok
[ "$(get 'o["card_id"]')" != "$GUARDIAN" ] || fail "the card has one id at two agencies"

# refer: codes, holders, details
refer 01100-YC 01100-YC "$CARD_haru"; no 2 e.usage
get 'o["error"]["next"]' | grep -q 'your own agency' || fail "that it is the own agency is not said"
refer 01100-YC X001 "$CARD_haru" --detail "C3=$T/danger.json"; no 1 e.emergency
at 01100-YC refer --to X001 --need N07 --age-band A2 --ward 011029 --holder "$CARD_haru" --birth '~14'; no 2 e.usage
is '[o["error"]["what"], "A4" in o["error"]["next"], "A3" in o["error"]["next"]]' '["--age-band A2",true,false]'
refer 01100-YC X001 "$CARD_haru" --urgency U9; no 2 e.usage
refer 01100-YC X004 "$CARD_haru"; no 1 e.unknownpeer
refer 01100-YC X001 $ID
[ "$RC" = 1 ] || fail "a card that nobody knows was taken"
at 01100-YC refer --to X001 --need N07 --age-band A4 --ward 999999 --holder "$CARD_haru" --birth 2011-05-05 --detail "C1=$T/c1.json"; no 2 e.usage
at 01100-YC refer --to X001 --need N07 --age-band A4 --ward 011029 --holder "$CARD_haru" --birth 2011-02-30 --detail "C1=$T/c1.json"; no 2 e.usage
detail() { # detail JSON KEY: refused, and the key is named
    printf '%s' "$1" >"$T/d.json"
    at 01100-YC refer --to X001 --need N07 --age-band A4 --ward 011029 --holder "$CARD_haru" --birth 2011-05-05 --detail "C6=$T/d.json"
    no 1 e.detail
    is 'o["error"]["what"]' "$2"
}
detail '{"c6.needs":["N07"],"c6.words":"a","c6.wish":"b","c6.ask":"c","c6.urgency":"U3","c6.more":"x"}' c6.more
detail '{"c6.needs":["N07"],"c6.words":7,"c6.wish":"b","c6.ask":"c","c6.urgency":"U3"}' c6.words
detail '{"c6.needs":["N07"],"c6.words":"a","c6.wish":null,"c6.ask":"c","c6.urgency":"U3"}' c6.wish
detail '{"c6.needs":["N77"],"c6.words":"a","c6.wish":"b","c6.ask":"c","c6.urgency":"U3"}' c6.needs
detail '{"c6.needs":["N07"],"c6.words":"a","c6.wish":"b","c6.urgency":"U3"}' c6.ask
detail '{"c6.needs":"N07","c6.words":"a","c6.wish":"b","c6.ask":"c","c6.urgency":"U3"}' c6.needs
get 'o["error"]["next"]' | grep -q '@' && fail "help for a detail shows the table's text: $OUT"
for bad in '[]' '{' '{"c6.words":"a","c6.words":"b"}' ''; do
    printf '%s' "$bad" >"$T/d.json"
    at 01100-YC refer --to X001 --need N07 --age-band A4 --ward 011029 --holder "$CARD_haru" --birth 2011-05-05 --detail "C6=$T/d.json"
    no 2 e.badfile
done
at 01100-YC board; ok
is 'o["referrals"]' '[]'
refer 01100-YC X001 "$CARD_haru"; ok
first=$REF
refer 01100-YC X001 "$CARD_haru"; no 1 e.duplicate

# what all must consent to: shown to all of them together, given by all of them together
at 01100-YC refer --to X001 --need N08 --age-band A4 --ward 011029 --holder "$CARD_haru,$GUARDIAN" --require all \
    --birth 2011-05-05 --detail "C1=$T/c1.json,C6=$T/c6.json"; ok
BOTH=$(get 'o["referral"]')
haru=(--card-file "$T/haru.card" --pin-file "$T/haru.pin") mother=(--card-file "$T/g.card" --pin-file "$T/g.pin")
at 01100-YC consent show "$BOTH" "${mother[@]}" --lang ja-Hira; no 2 e.usage
at 01100-YC consent show "$BOTH" "${haru[@]}" "${mother[@]}" --lang ja-Hira; no 2 e.usage
at 01100-YC consent show "$BOTH" "${haru[@]}"; ok
is '[(c["category"], c["content"], c["missing"]) for c in o["categories"]]' '[["C1",null,1],["C6",null,1]]'
"$BUILD/tasuki" consent show --ui en --lang en --dir "$T/01100-YC" "$BOTH" "${haru[@]}" | grep -q 'card of the other holder is needed too' ||
    fail "the missing card is not said"
at 01100-YC consent show "$BOTH" "${haru[@]}" "${mother[@]}"; ok
is '[c["missing"] for c in o["categories"]]' '[0,0]'
is '["「あおぞら がくしゅうしつ" in o["cards"][0]["notice"]["text"], "あおぞら学習室" in o["cards"][1]["notice"]["text"]]' '[true,true]'
is 'o["categories"][0]["content"]["c1.name"]' "$NAME"
is '[(c["kind"], c["notice"]["lang"]) for c in o["cards"]]' '[["child","ja-Hira"],["guardian","ja"]]'
at 01100-YC consent show "$BOTH" "${mother[@]}" --card-file "$T/haru.card" --pin-file "$T/g.pin"; ok
is '[c["missing"] for c in o["categories"]]' '[1,1]' # a wrong PIN: as if that card were not there
at 01100-YC consent show "$BOTH" "${haru[@]}" "${haru[@]}"; no 2 e.usage
at 01100-YC consent show "$BOTH" "${haru[@]}" --card-file "$T/g.card"; no 2 e.usage
is 'o["error"]["what"]' --pin-file
at 01100-YC receipt $ID "${haru[@]}" "${mother[@]}"; no 2 e.usage
until=$(date -d '+100 days' +%F)
at 01100-YC consent give "$BOTH" "${haru[@]}" "${mother[@]}" --category C1 --until 2199-01-01
[ "$RC" != 0 ] && [ "$(get 'o["error"]["what"]')" = '--until 2199-01-01' ] || fail "the day that was given is not named"
is '"2199" in o["error"]["next"]' false
at 01100-YC consent give "$BOTH" "${haru[@]}" --card-file "$T/g.card" --pin-file "$T/haru.pin" --category C1 --until "$until"; no 1 e.wrongholder
at 01100-YC history "$BOTH"; ok
is 'o["consents"]' '[]'
at 01100-YC consent give "$BOTH" "${haru[@]}" "${mother[@]}" --category C1 --until "$until"; ok
is 'o["released"]' true
is '[c["kind"] for c in o["consents"]]' '["child","guardian"]'
is '[p["party_name_en"] for p in o["receipt"]["pii_processing"][0]["recipient_third_parties"]]' '["NPO Aozora Study Room (fictional)"]'
"$BUILD/tasuki" receipt --dir "$T/01100-YC" "$(get 'o["grant"]')" "${haru[@]}" >"$T/receipt.txt" || fail "no receipt"
grep -q 'だれに: あおぞら がくしゅうしつ' "$T/receipt.txt" || fail "the child's receipt names the agency otherwise: $(cat "$T/receipt.txt")"
is 'o["consents"][0]["grant"] == o["grant"] and len(set(c["code"] for c in o["consents"])) == 2' true
until_ok 10 opens X001 "$BOTH" C1
# the recipient has no card to ask: the sender has, and staff can stop it here
at 01100-YC history "$BOTH"; ok
stopped_here=$(get 'o["consents"][0]["grant"]')
for verb in 'consent withdraw' receipt; do
    at X001 $verb "$stopped_here" "${haru[@]}"; no 1 e.forbidden
    is '[o["error"]["what"], "--staff-reason" in o["error"]["next"]]' '["01100-YC",true]'
done
at 01100-YC export "$BOTH" --out "$T/records"; ok
at 01100-YC export "$BOTH" --out "$T/records"; no 1 e.exists
tk verify "$T/records"/*-grant.cose; no 1 e.unknownpeer
get 'o["error"]["next"]' | grep -q 'Add --roster F' || fail "the roster is not asked for"
at X001 open "$BOTH" C6 --purpose P1; no 1 e.notgranted

# consent given and stopped, over and over: a grant lifts the stops over what it is for, 64 at most
stop64() { for n in $(seq "$1"); do at 01100-YC consent withdraw "$GRANT" --staff-reason "call $n"; ok; done; }
give 01100-YC "$first" haru C6; ok
give 01100-YC "$first" haru C1; ok
long=$(printf 'あ%.0s' $(seq 2000))
for reason in "$long" S9 "$(printf '\x83\x65')"; do at 01100-YC consent withdraw "$GRANT" --staff-reason "$reason"; ok; done
stop64 62 # the third of those stood already: what cannot be read is "other"
give 01100-YC "$first" haru C1; ok
at 01100-YC consent withdraw "$GRANT" --staff-reason S1; ok
give 01100-YC "$first" haru C1; no 1 e.limit
is 'o["error"]["what"]' C1
give 01100-YC "$first" haru C2; ok

at 01100-YC accept "$first"
[ "$RC" = 1 ] || fail "the sender accepted its own referral"
at 01100-YC decline "$first"; no 2 e.usage
is 'o["error"]["what"]' --reason
at 01100-YC card stop "$CARD_haru"; ok
refer 01100-YC X001 "$CARD_haru"; no 1 e.cardstopped
"$BUILD/tasuki" board --dir "$T/01100-YC" --ui ja | grep -q 北区 || fail "the board does not speak"
at 01100-YC status; ok
stop X001
at X001 inbox --wait 0; no 3 e.notready
done_well
