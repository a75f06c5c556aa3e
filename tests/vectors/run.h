/* run.h - the frame of `make vectors`: counting, and values out of JSON. The sets themselves are one function each. */
#ifndef TSK_TESTS_VECTORS_RUN_H
#define TSK_TESTS_VECTORS_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

/* One set: how many cases ran and held; what was left out, and the last reason for it. */
struct set { const char *name; unsigned run, ok, skipped; const char *why; };

void set_case(struct set *s, bool ok, const char *what, long long id); /* names a failed case on stderr */
void set_skip(struct set *s, const char *why);

/* The file DIR/path; ends the program where there is none. Integers become reals (one of them has 65 bits). */
json_t *load(const char *path);

/* Bytes out of a hex member; empty where there is no such member. Freed at the end of the block. */
struct bytes { uint8_t *p; size_t n; };
struct bytes hex_of(const json_t *object, const char *member);
void bytes_drop(struct bytes *b);
#define BYTES TSK_WIPED(bytes_drop) struct bytes
#define SLICE(b) ((struct tsk_slice){(b).p, (b).n})

const char *text_of(const json_t *object, const char *member); /* "" where there is none */
long long num_of(const json_t *object, const char *member);
bool has_flag(const json_t *test, const char *flag);

/* Calls `each` for every test of every group of a Wycheproof file. */
void wycheproof(struct set *s, const char *path, void (*each)(struct set *s, const json_t *group, const json_t *test));

void run_hpke(struct set *s);
void run_hpke_openssl(struct set *s);
void run_ed25519(struct set *s);
void run_x25519(struct set *s);
void run_aes_gcm(struct set *s);
void run_chacha20_poly1305(struct set *s);
void run_hkdf_sha256(struct set *s);
void run_hmac_sha256(struct set *s);
void run_cbor(struct set *s);
void run_cose(struct set *s);

#endif
