/* cli.h - one run of `tasuki`: its words, its answer, and what every verb shares.
 *
 *   args.c words and flags      cli.c dispatch, answers, refusals      call.c asking the node, reading files and codes
 *   table.c columns that align  words.c words for codes, days, agencies   help.c how to use it
 *   list.c, history.c, act.c the everyday verbs                       refer.c, detail.c a referral and its details
 *   roster.c, partners.c, node_new.c the registrar                     card.c, svg.c cards
 *   terminal.c, consent*.c, receipt.c what a family decides, with its card: the daemon never sees card or PIN
 *   verify.c records checked by anyone                                 demo*.c the pilot, told step by step
 *
 * A verb fills c->out and returns; what a person sees is printed by its show function, and only when it went well. */
#ifndef TSK_NODE_CLI_CLI_H
#define TSK_NODE_CLI_CLI_H

#include <jansson.h>
#include <stdio.h>

#include "node/cli/args.h"
#include "node/core/members.h"
#include "node/core/queue.h"
#include "schema/codes.h"

struct tsk_cli {
    struct tsk_args args;
    enum tsk_ui ui;
    bool json;
    unsigned wait_s;
    const char *program;       /* argv[0] */
    const char *dir;           /* --dir, or NULL */
    json_t *out;               /* the answer's members */
    bool partly;               /* verify: what was found out stands beside the error; of all other verbs nothing does */
    json_t *refusal;           /* {"error":...} as the node gave it, or NULL */
    char what[TSK_ARG_WHAT_CAP];   /* what the words of an error name; may stay empty */
    struct tsk_members *names;     /* the roster of --dir once somebody asked for a name, or NULL */
    bool names_asked;
};

/* main() of tasuki. */
int tsk_cli_main(int argc, char **argv);

#define TSK_CLI(function, name, node, least, most, flags, usage, ja, en, group, example) \
    enum tsk_err tsk_cli_##function(struct tsk_cli *c);                                    \
    void tsk_show_##function(struct tsk_cli *c);
#include "node/cli/cli.def"
#undef TSK_CLI

/* ---- words ---- */
/* The one of the two that the person reads. */
const char *tsk_words(const struct tsk_cli *c, const char *ja, const char *en);
#define TSK_TEXT_NONE "-"
/* "2026-08-20 10:30" in Tokyo; TSK_TEXT_NONE for 0. */
void tsk_time_words(uint64_t at, char ret_text[32]);
/* "2027-03-31" as it is said in the language of a notice: 2027年3月31日, 2027ねん 3がつ 31にち, else as it is. */
void tsk_day_words(const char *lang, const char *day, char ret_text[48]);
/* The words of codes, in the order of their list, with commas between; `both`: "C1 名前と連絡先". TSK_TEXT_NONE for an empty list. */
void tsk_codes_words(enum tsk_list list, const json_t *codes, enum tsk_ui ui, bool both, char *ret_text, size_t cap);
/* What goes with a status or a stop, whatever list it is of: "D3 別の機関が適している". */
void tsk_reason_words(const struct tsk_cli *c, const char *code, char *ret_text, size_t cap);
/* "X001 あおぞら学習室" by the roster of --dir; the id alone if it names none; TSK_TEXT_NONE for "". */
#define TSK_WHO_CAP (TSK_PARTNER_ID_CAP + TSK_NAME_MAX + 2)
void tsk_who_words(struct tsk_cli *c, const char *partner, char ret_text[TSK_WHO_CAP]);
/* The words of a state by its name, the name itself if there is none. */
const char *tsk_state_words(const struct tsk_cli *c, const char *name);

/* ---- refusals of our own ---- */
/* Notes what the words of the error shall name, and gives `e` back: return tsk_refuse(c, TSK_E_USAGE, "--until"); */
enum tsk_err tsk_refuse(struct tsk_cli *c, enum tsk_err e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with a next step of its own instead of that of next.def. */
enum tsk_err tsk_refuse_next(struct tsk_cli *c, enum tsk_err e, const char *what, const char *next);

/* What a refusal of words says to do next, by the flag at fault: memory (free), or NULL. */
char *tsk_usage_next(const struct tsk_cli *c, const char *what);

/* ---- flags and their values ---- */
static inline const char *tsk_flag(const struct tsk_cli *c, enum tsk_flag f)
{
    return tsk_arg(&c->args, f);
}
/* The word at `index`; the table has made sure that it is there. */
const char *tsk_word(const struct tsk_cli *c, size_t index);
/* Exactly n bytes of lower-case hex, else TSK_E_USAGE naming it. */
TSK_MUST_USE enum tsk_err tsk_want_id(struct tsk_cli *c, const char *text, size_t n);
/* The list whose codes a flag of this verb takes; TSK_LIST_COUNT: none. */
enum tsk_list tsk_flag_list(const struct tsk_cli_verb *verb, enum tsk_flag f);
/* Whether staff may give this code there: an outcome that fits the event, no reason that only nodes say. */
bool tsk_code_offered(const struct tsk_cli_verb *verb, enum tsk_flag f, const struct tsk_code_row *row);
/* The state that a verb of people asks for ("connect": "connected"), "" for other verbs. */
const char *tsk_act_event(const char *verb);
/* A code of the list, else TSK_E_USAGE naming flag and code, and the codes that there are. */
TSK_MUST_USE enum tsk_err tsk_want_code(struct tsk_cli *c, enum tsk_flag f, enum tsk_list list, const char *text);
/* `text` is one of the words of `choices` ("any|all"), else TSK_E_USAGE naming the flag. */
TSK_MUST_USE enum tsk_err tsk_want_choice(struct tsk_cli *c, enum tsk_flag f, const char *choices);
/* [A-Z0-9-], 1..15 characters. */
bool tsk_partner_id_ok(const char *id);

/* ---- files ---- */
/* tsk_file_read, naming the file on TSK_E_BADFILE. */
TSK_MUST_USE enum tsk_err tsk_want_file(struct tsk_cli *c, const char *path, size_t cap, uint8_t **ret_p, size_t *ret_n);
static inline void tsk_bytes_drop(uint8_t **p)
{
    free(*p);
}
#define TSK_HEAP __attribute__((cleanup(tsk_bytes_drop))) uint8_t
static inline void tsk_json_drop(json_t **p)
{
    json_decref(*p);
}
#define TSK_JSON __attribute__((cleanup(tsk_json_drop))) json_t

/* ---- the node ---- */
/* Sends `request` (takes it) with ui and staff, gives the answer's members (json_decref). A refusal of the node comes
 * back as its error; its words are kept in c->refusal. TSK_E_NOTREADY: no node. */
TSK_MUST_USE enum tsk_err tsk_ask_node(struct tsk_cli *c, json_t *request, json_t **ret_answer);
/* The same, and the answer becomes c->out. */
TSK_MUST_USE enum tsk_err tsk_ask_out(struct tsk_cli *c, json_t *request);
/* {"verb": verb} */
json_t *tsk_request(const char *verb);

/* ---- JSON ---- */
/* A string member, "" if there is none; a number, 0 if there is none. */
const char *tsk_js(const json_t *o, const char *key);
uint64_t tsk_jn(const json_t *o, const char *key);
json_t *tsk_jhex(const uint8_t *p, size_t n);
/* Hex in a string member: exactly n bytes, or any number (returned memory). TSK_E_MALFORMED: the node answered rubbish. */
TSK_MUST_USE enum tsk_err tsk_junhex(const json_t *o, const char *key, uint8_t *ret_p, size_t n);
TSK_MUST_USE enum tsk_err tsk_junhex_any(const json_t *value, uint8_t **ret_p, size_t *ret_n);
/* "C1 C6" of an array of strings; TSK_TEXT_NONE when empty. */
void tsk_jjoin(const json_t *array, const char *between, char *ret_text, size_t cap);

/* A content map by the words of its items, indented. */
void tsk_text_print(const char *text);
void tsk_content_print(struct tsk_cli *c, const json_t *content);

/* ---- columns ---- */
/* Columns that text takes on a terminal: East Asian wide and full-width characters take two, marks none. */
size_t tsk_width(const char *text);
/* Prints rows of `columns` texts each so that columns align; NULL counts as empty. The first row is the heading. */
void tsk_table_print(FILE *f, const char *const *cells, size_t rows, size_t columns);
/* The same; below each row its note, indented, if there is one. */
void tsk_table_notes(FILE *f, const char *const *cells, const char *const *notes, size_t rows, size_t columns);

#endif
