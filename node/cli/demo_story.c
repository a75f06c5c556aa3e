/* Story S1: a child of the fifth year wants help with learning. Every person in it is made up. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node/cli/demo.h"
#include "schema/date.h"

#define WAIT_MS 10000

/* Planted in the details: none of it may be found where it does not belong. */
static const char *const PLANTED[] = {"見本 ゆい", "みほん ゆい", "090-0000-0142", "見本小学校", "とんでん見本町", "算数がわからない",
                                      "483920", "715206"};
#define PLANTED_N (sizeof PLANTED / sizeof *PLANTED)
static const char C1[] = "{\"c1.name\":\"見本 ゆい\",\"c1.kana\":\"みほん ゆい\",\"c1.call\":\"ゆい\",\"c1.birth\":\"%s\","
                         "\"c1.tel\":\"090-0000-0142\",\"c1.addr\":\"とんでん見本町\",\"c1.how\":\"夕方に電話\"}";
static const char C2[] = "{\"c2.single\":true,\"c2.pref\":\"2\"}";
static const char C3[] = "{\"c3.school\":\"見本小学校\",\"c3.grade\":\"5年\"}";
static const char C6[] = "{\"c6.needs\":[\"N07\",\"N08\"],\"c6.words\":\"算数がわからない\",\"c6.wish\":\"友だちと勉強したい\","
                         "\"c6.ask\":\"週1回の学習の場\",\"c6.urgency\":\"U3\"}";

struct story { struct tsk_demo *d; const char *referral, *grant_child, *code_child; char until[16], at[32]; };

static const char *path_of(const struct tsk_demo *d, const char *name, char ret_path[TSK_PATH_CAP])
{
    return tsk_path(d->dir, name, ret_path) == TSK_OK ? ret_path : "";
}

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_nsec = ms * 1000000};
    nanosleep(&t, NULL);
}

/* Whether the list verb of `who` shows the referral in this state within the time that the story allows. */
static const json_t *await(const struct story *s, enum tsk_demo_who who, const char *list, const char *state)
{
    for (unsigned waited = 0; waited < WAIT_MS && !tsk_demo_broken_off(); waited += 60) {
        const json_t *rows = json_object_get(tsk_demo_at(s->d, who, list, NULL), "referrals");
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *r = json_array_get(rows, i);
            if (strcmp(tsk_js(r, "referral"), s->referral) == 0 && strcmp(tsk_js(r, "state"), state) == 0)
                return r;
        }
        pause_ms(40);
    }
    return NULL;
}

static bool refused(struct story *s, enum tsk_demo_who who, const char *category, const char *purpose, const char *code)
{
    return strcmp(tsk_demo_code(tsk_demo_at(s->d, who, "open", s->referral, category, "--purpose", purpose, NULL)), code) == 0;
}

/* ---- before ---- */
static bool plant(struct story *s)
{
    char c1[1024], born[16], day[16];
    struct tsk_date today = tsk_date_of(tsk_wall_s());
    tsk_date_format(tsk_date_add_days(today, -(365 * 10 + 180)), born);
    tsk_date_format(tsk_date_add_days(today, 120), s->until);
    tsk_date_format(tsk_date_add_days(today, 10), day);
    snprintf(s->at, sizeof s->at, "%sT16:30", day);
    snprintf(c1, sizeof c1, C1, born);
    return tsk_demo_write(s->d, "c1.json", c1) == TSK_OK && tsk_demo_write(s->d, "c2.json", C2) == TSK_OK &&
           tsk_demo_write(s->d, "c3.json", C3) == TSK_OK && tsk_demo_write(s->d, "c6.json", C6) == TSK_OK &&
           tsk_demo_write(s->d, "birth", born) == TSK_OK && tsk_demo_write(s->d, "yui.pin", "483920\n") == TSK_OK &&
           tsk_demo_write(s->d, "mother.pin", "715206\n") == TSK_OK;
}

/* Gives the card id; the card's text goes to the family's own file. */
static const char *new_card(struct story *s, const char *kind, const char *pin, const char *file)
{
    char pin_path[TSK_PATH_CAP];
    json_t *a = tsk_demo_at(s->d, TSK_YC, "card", "new", "--kind", kind, "--pin-file", path_of(s->d, pin, pin_path), NULL);
    return tsk_demo_write(s->d, file, tsk_js(a, "card")) == TSK_OK ? tsk_js(a, "card_id") : "";
}

static bool refer(struct story *s, const char *yui, const char *mother)
{
    char pairs[4][TSK_PATH_CAP + 8], path[TSK_PATH_CAP], born[16];
    static const char *const CATEGORIES[] = {"C1", "C2", "C3", "C6"};
    static const char *const FILES[] = {"c1.json", "c2.json", "c3.json", "c6.json"};
    for (int i = 0; i < 4; i++)
        snprintf(pairs[i], sizeof pairs[i], "%s=%s", CATEGORIES[i], path_of(s->d, FILES[i], path));
    tsk_date_format(tsk_date_add_days(tsk_date_of(tsk_wall_s()), -(365 * 10 + 180)), born);
    s->referral = tsk_js(tsk_demo_at(s->d, TSK_YC, "refer", "--to", "X001", "--need", "N07", "--urgency", "U3",
                                     "--age-band", "A3", "--ward", "011029", "--holder", yui, "--holder", mother,
                                     "--require", "all", "--birth", born, "--detail", pairs[0], "--detail", pairs[1],
                                     "--detail", pairs[2], "--detail", pairs[3], NULL),
                         "referral");
    return strlen(s->referral) == 32;
}

static bool meeting(struct story *s)
{
    struct tsk_demo *d = s->d;
    tsk_demo_step(d, "コーディネーターが児童会館で小5のゆい(架空)に会い、ゆいと母にカードを作ります。",
                  "The coordinator meets Yui (fictional, year 5); Yui and her mother each get a card.");
    const char *yui = new_card(s, "child", "yui.pin", "yui.card");
    const char *mother = new_card(s, "guardian", "mother.pin", "mother.card");
    if (!tsk_demo_check(d, strlen(yui) == 32 && strlen(mother) == 32, "カードが2枚できました。暗証番号は本人だけが知っています。",
                        "Two cards were made; only their owners know the PINs."))
        return false;
    json_t *danger = tsk_demo_at(d, TSK_YC, "refer", "--to", "01100-JS1", "--need", "N16", NULL);
    tsk_demo_check(d, strcmp(tsk_demo_code(danger), "e.emergency") == 0,
                   "いま危ない心配(N16)は受け付けず、110番・189番を案内します。",
                   "Concern about danger (N16) is not taken: it says to call 110 or 189.");
    tsk_demo_step(d, "「勉強を見てほしい」を、あおぞら学習室につなぎます。くわしい内容は封をして手元に残ります。",
                  "The referral goes to Aozora study room; the details stay sealed at the coordinator's.");
    return tsk_demo_check(d, refer(s, yui, mother), "つなぎができました。", "The referral is made.");
}

/* ---- nothing before consent ---- */
static void arrival(struct story *s)
{
    struct tsk_demo *d = s->d;
    tsk_demo_step(d, "あおぞら学習室に届きます。見えるのは困りごと・急ぎ度・年代・区だけです。",
                  "It arrives: need, urgency, age band and ward are all that Aozora sees.");
    const json_t *row = await(s, TSK_X001, "inbox", "arrived");
    tsk_demo_see(d, TSK_X001, "inbox", NULL);
    tsk_demo_check(d, row && strcmp(tsk_js(row, "urgency"), "U3") == 0 && strcmp(tsk_js(row, "age_band"), "A3") == 0, "届きました。",
                   "Arrived.");
    tsk_demo_check(d, await(s, TSK_YC, "board", "arrived") != NULL, "送り元の一覧も「届きました」になりました。",
                   "The coordinator's board says so, too.");
    tsk_demo_check(d, tsk_demo_search(d->nodes[TSK_X001].dir, PLANTED, PLANTED_N) == 0,
                   "あおぞらのディスクを全部さがしても、名前も電話も学校も見つかりません。",
                   "Every byte of Aozora's disk was searched: no name, no telephone, no school.");
    tsk_demo_check(d, refused(s, TSK_X001, "C1", "P1", "e.noconsent"), "同意がないので、開けません(e.noconsent)。",
                   "Without consent nothing opens (e.noconsent).");
    tsk_demo_at(d, TSK_X001, "ack", s->referral, NULL);
    tsk_demo_check(d, await(s, TSK_YC, "board", "acked") != NULL, "職員が受付を確認し、送り元にも伝わりました。",
                   "A person acknowledged it, and the coordinator knows.");
}

/* ---- consent ---- */
static json_t *give(struct story *s, const char *card, const char *pin)
{
    char card_path[TSK_PATH_CAP], pin_path[TSK_PATH_CAP];
    return tsk_demo_at(s->d, TSK_YC, "consent", "give", s->referral, "--card-file", path_of(s->d, card, card_path),
                       "--pin-file", path_of(s->d, pin, pin_path), "--category", "C1,C6", "--until", s->until, NULL);
}

static bool consent(struct story *s)
{
    struct tsk_demo *d = s->d;
    tsk_demo_step(d, "ゆいが「名前と連絡先」「相談の内容とねがい」だけを選び、母も同じものに同意します。",
                  "Yui chooses C1 and C6 only; her mother agrees to the same.");
    json_t *yui = give(s, "yui.card", "yui.pin");
    s->grant_child = tsk_js(yui, "grant");
    s->code_child = tsk_js(yui, "code");
    tsk_demo_check(d, *s->grant_child && json_is_false(json_object_get(yui, "released")),
                   "ゆいの同意を受け取りました。母の返事がまだなので、何も送りません。",
                   "Yui's consent is taken; nothing is sent before her mother has answered.");
    tsk_demo_check(d, refused(s, TSK_X001, "C1", "P1", "e.noconsent"), "あおぞらはまだ開けません。", "Aozora still cannot open anything.");
    tsk_demo_check(d, strcmp(tsk_demo_code(give(s, "mother.card", "yui.pin")), "e.wrongholder") == 0,
                   "カードと暗証番号が合わなければ、進みません。", "A card with somebody else's PIN does nothing.");
    json_t *mother = give(s, "mother.card", "mother.pin");
    return tsk_demo_check(d, json_is_true(json_object_get(mother, "released")), "母も同意し、選んだ種類だけを送りました。",
                          "Her mother agrees, and only what was chosen is sent.");
}

static json_t *open_one(struct story *s, const char *category)
{
    json_t *a = NULL;
    for (unsigned waited = 0; waited < WAIT_MS && !tsk_demo_broken_off(); waited += 60) {
        a = tsk_demo_at(s->d, TSK_X001, "open", s->referral, category, "--purpose", "P1", NULL);
        const char *code = tsk_demo_code(a);
        if (strcmp(code, "e.noconsent") != 0 && strcmp(code, "e.retry") != 0)
            break;
        pause_ms(40);
    }
    return json_object_get(a, "content");
}

static void opening(struct story *s)
{
    struct tsk_demo *d = s->d;
    tsk_demo_step(d, "あおぞらの職員が、理由を書いて開きます。", "Aozora opens it, giving the purpose.");
    const json_t *c1 = open_one(s, "C1"), *c6 = open_one(s, "C6");
    tsk_demo_see(d, TSK_X001, "open", s->referral, "C6", "--purpose", "P1", NULL);
    tsk_demo_check(d, strcmp(tsk_js(c1, "c1.name"), PLANTED[0]) == 0, "名前と連絡先が読めます。", "C1 can be read.");
    tsk_demo_check(d, strcmp(tsk_js(c6, "c6.words"), PLANTED[5]) == 0, "ゆいのことばが、そのまま届きました。",
                   "Yui's own words have arrived as she said them.");
    tsk_demo_check(d, refused(s, TSK_X001, "C2", "P1", "e.notgranted") && refused(s, TSK_X001, "C3", "P1", "e.notgranted"),
                   "選ばなかった種類は開けません(e.notgranted)。", "What was not chosen does not open (e.notgranted).");
    tsk_demo_check(d, refused(s, TSK_X001, "C1", "P2", "e.purpose"), "目的が違えば開けません(e.purpose)。",
                   "Another purpose does not open it (e.purpose).");
    tsk_demo_check(d, tsk_demo_search(d->nodes[TSK_X001].dir, PLANTED, PLANTED_N) == 0,
                   "開いたあとも、あおぞらのディスクに内容は残っていません。", "After opening, none of it stands on Aozora's disk.");
}

/* ---- others ---- */
/* Another agency with its own keys over a copy of Aozora's store and an export of all records. */
static bool copied(struct story *s, char ret_dir[TSK_PATH_CAP])
{
    static const char *const OWN[] = {"keys", "unlock", "node.conf", "roster.cose", "roots"};
    struct tsk_demo *d = s->d;
    char from[TSK_PATH_CAP], to[TSK_PATH_CAP], out[TSK_PATH_CAP];
    json_t *a = tsk_demo_at(d, TSK_X001, "export", s->referral, "--out", path_of(d, "export", out), NULL);
    bool ok = json_array_size(json_object_get(a, "files")) > 3 && tsk_path(d->dir, "X005-copy", ret_dir) == TSK_OK &&
              tsk_folder_new(ret_dir) == TSK_OK;
    for (size_t i = 0; ok && i < sizeof OWN / sizeof *OWN; i++)
        ok = tsk_path(d->nodes[TSK_X005].dir, OWN[i], from) == TSK_OK && tsk_path(ret_dir, OWN[i], to) == TSK_OK &&
             tsk_demo_copy(from, to) == TSK_OK;
    ok = ok && tsk_path(ret_dir, "db", to) == TSK_OK && mkdir(to, 0700) == 0;
    ok = ok && tsk_path(d->nodes[TSK_X001].dir, "db/data.mdb", from) == TSK_OK &&
        tsk_path(ret_dir, "db/data.mdb", to) == TSK_OK;
    return ok && tsk_demo_copy(from, to) == TSK_OK;
}

/* It may refuse to start, or start and refuse to open: both are a no. */
static bool copy_opens(struct story *s, const char *dir)
{
    int status = 0;
    pid_t pid = tsk_demo_start(s->d, dir);
    if (pid > 0 && tsk_demo_ended(pid, 800, &status))
        return status == 0;
    json_t *a = tsk_demo_do(s->d, "open", "--dir", dir, s->referral, "C1", "--purpose", "P1", "--wait", "5", NULL);
    if (pid > 0)
        tsk_demo_stop(pid);
    return json_object_get(a, "content") != NULL || !*tsk_demo_code(a);
}

static void others(struct story *s)
{
    struct tsk_demo *d = s->d;
    char dir[TSK_PATH_CAP], out[TSK_PATH_CAP];
    tsk_demo_step(d, "ほかの機関には何も見えません。写しを全部もらっても開けません。",
                  "The other agencies see nothing, and a copy of everything does not help them.");
    for (int i = 0; i < TSK_DEMO_NODES; i++)
        if (i == TSK_KK || i == TSK_JS1 || i == TSK_X005) {
            json_t *a = tsk_demo_at(d, (enum tsk_demo_who)i, "inbox", NULL);
            printf("     %s\n", d->nodes[i].id);
            tsk_demo_see(d, (enum tsk_demo_who)i, "inbox", NULL);
            tsk_demo_check(d, json_is_array(json_object_get(a, "referrals")) &&
                           json_array_size(json_object_get(a, "referrals")) == 0,
                           "手元にはありません。", "Nothing in hand.");
        }
    tsk_demo_check(d, refused(s, TSK_X005, "C1", "P1", "e.unknown"), "番号を知っていても、開けません(e.unknown)。",
                   "Knowing the number opens nothing (e.unknown).");
    if (tsk_demo_check(d, copied(s, dir), "あおぞらの記録と保存ファイルの写しを、別の NPO に渡しました。",
                       "Another NPO gets every record and a copy of Aozora's store.")) {
        tsk_demo_check(d, !copy_opens(s, dir), "別の NPO は、その写しで自分のノードを動かしても開けません。",
                       "It runs a node of its own over that copy, and cannot open it.");
        tsk_demo_check(d, tsk_demo_search(path_of(d, "export", out), PLANTED, PLANTED_N) == 0 &&
                       tsk_demo_search(dir, PLANTED, PLANTED_N) == 0,
                       "写しのどこにも、読める内容はありません。", "Nothing in the copies can be read.");
    }
}

/* ---- to the end ---- */
static void handover(struct story *s)
{
    struct tsk_demo *d = s->d;
    tsk_demo_step(d, "引き受け、初回の日を決め、会ってつながります。責任はいつも1つの機関にあります。",
                  "Accepted, appointed, connected; at every moment exactly one agency is responsible.");
    const json_t *row = await(s, TSK_YC, "board", "acked");
    tsk_demo_check(d, strcmp(tsk_js(row, "responsible"), "01100-YC") == 0, "引き受けるまで、責任は送り元です。",
                   "Until it is accepted the sender is responsible.");
    tsk_demo_at(d, TSK_X001, "accept", s->referral, NULL);
    row = await(s, TSK_X001, "inbox", "handed");
    tsk_demo_check(d, strcmp(tsk_js(row, "responsible"), "X001") == 0, "引き継ぎました。責任はあおぞらに移りました。",
                   "Handed over: Aozora is responsible now.");
    tsk_demo_at(d, TSK_X001, "appoint", s->referral, "--at", s->at, NULL);
    tsk_demo_check(d, await(s, TSK_YC, "board", "appointed") != NULL, "初回の日が決まりました。", "The first meeting is set.");
    tsk_demo_at(d, TSK_X001, "connect", s->referral, "--outcome", "O12", NULL);
    tsk_demo_check(d, await(s, TSK_YC, "board", "connected") != NULL, "つながりました。", "Connected.");
    json_t *history = tsk_demo_at(d, TSK_YC, "history", s->referral, NULL);
    tsk_demo_see(d, TSK_YC, "history", s->referral, NULL);
    tsk_demo_check(d, json_array_size(json_object_get(history, "openings")) >= 2,
                   "だれがいつ何を開いたかが、送り元に残っています。", "Who opened what, and when, is on record at the sender's.");
    tsk_demo_check(d, strcmp(tsk_js(history, "responsible"), "X001") == 0, "責任はあおぞらです。", "Aozora is responsible.");
}

/* The stop must arrive before it can act; until then an opening is still in order. */
static bool stopped(struct story *s)
{
    for (unsigned waited = 0; waited < WAIT_MS && !tsk_demo_broken_off(); waited += 60) {
        const char *code = tsk_demo_code(tsk_demo_at(s->d, TSK_X001, "open", s->referral, "C1", "--purpose", "P1", NULL));
        if (strcmp(code, "e.withdrawn") == 0 || strcmp(code, "e.noconsent") == 0)
            return true;
        pause_ms(40);
    }
    return false;
}

static void stop(struct story *s)
{
    struct tsk_demo *d = s->d;
    tsk_demo_step(d, "ゆいが、控えのコードで「やめる」と決めます。", "Yui stops it with the code on her receipt.");
    tsk_demo_check(d, strcmp(tsk_demo_code(tsk_demo_at(d, TSK_YC, "consent", "withdraw", s->grant_child, "--code",
                                                       "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AA", NULL)), "e.wrongcode") == 0,
                   "違うコードでは止まりません(e.wrongcode)。", "A wrong code stops nothing (e.wrongcode).");
    json_t *a = tsk_demo_at(d, TSK_YC, "consent", "withdraw", s->grant_child, "--code", s->code_child, NULL);
    tsk_demo_check(d, *tsk_js(a, "withdraw") != '\0', "受け付けました。理由は聞きません。", "Taken in; no reason is asked.");
    tsk_demo_check(d, stopped(s), "あおぞらでは、もう何も開きません。", "At Aozora nothing opens any more.");
    tsk_demo_see(d, TSK_X001, "inbox", NULL);
    unsigned hits = 0;
    for (int i = 0; i < TSK_DEMO_NODES; i++) {
        char log[TSK_PATH_CAP + 8];
        snprintf(log, sizeof log, "%s.log", d->nodes[i].dir);
        hits += tsk_demo_search(d->nodes[i].dir, PLANTED, PLANTED_N) + tsk_demo_search(log, PLANTED, PLANTED_N);
    }
    tsk_demo_check(d, hits == 0, "5つのディスクにもログにも、読める内容はありません。", "No disk and no log of the five holds anything readable.");
    tsk_demo_step(d, "コーディネーターの一覧です。", "The coordinator's board.");
    tsk_demo_see(d, TSK_YC, "board", NULL);
}

void tsk_demo_story(struct tsk_demo *d)
{
    struct story s = {.d = d, .referral = ""};
    if (!tsk_demo_check(d, plant(&s), "ゆいの話を書きとめました。", "Yui's story is written down, once.") || !meeting(&s))
        return;
    arrival(&s);
    if (!consent(&s))
        return;
    opening(&s);
    others(&s);
    handover(&s);
    stop(&s);
}
