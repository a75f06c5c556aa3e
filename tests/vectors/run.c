/* run.c - `make vectors VECTORS=DIR`: the published sets through tasuki's own code. Exit 0 only if every case held. */
#include "tests/vectors/run.h"

#include <stdio.h>

static const char *folder;

void set_case(struct set *s, bool ok, const char *what, long long id)
{
    s->run++;
    s->ok += ok;
    if (!ok)
        fprintf(stderr, "vectors %s: %s %lld failed\n", s->name, what, id);
}

void set_skip(struct set *s, const char *why)
{
    s->skipped++;
    s->why = why;
}

json_t *load(const char *path)
{
    char full[1024];
    json_error_t error;
    snprintf(full, sizeof full, "%s/%s", folder, path);
    json_t *root = json_load_file(full, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        fprintf(stderr, "vectors: %s: %s (line %d)\n", full, error.text, error.line);
        exit(2);
    }
    return root;
}

static int nibble(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    if (c == '\0' || at == NULL) {
        fprintf(stderr, "vectors: not a hex digit: %c\n", c);
        exit(2);
    }
    return (int)(at - digits);
}

struct bytes hex_of(const json_t *object, const char *member)
{
    const char *text = text_of(object, member);
    struct bytes b = {.n = strlen(text) / 2};
    b.p = malloc(b.n + 1);
    if (b.p == NULL)
        abort();
    for (size_t i = 0; i < b.n; i++)
        b.p[i] = (uint8_t)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
    return b;
}

void bytes_drop(struct bytes *b)
{
    free(b->p);
}

const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "" : text;
}

long long num_of(const json_t *object, const char *member)
{
    const json_t *v = json_object_get(object, member);
    return json_is_string(v) ? atoll(json_string_value(v)) : (long long)json_number_value(v);
}

bool has_flag(const json_t *test, const char *flag)
{
    const json_t *flags = json_object_get(test, "flags"), *f;
    size_t i;
    json_array_foreach(flags, i, f)
        if (strcmp(json_string_value(f), flag) == 0)
            return true;
    return false;
}

void wycheproof(struct set *s, const char *path, void (*each)(struct set *s, const json_t *group, const json_t *test))
{
    json_t *root = load(path), *group, *test;
    size_t i, j;
    json_array_foreach(json_object_get(root, "testGroups"), i, group)
        json_array_foreach(json_object_get(group, "tests"), j, test)
            each(s, group, test);
    json_decref(root);
}

static const struct { const char *name; void (*run)(struct set *s); unsigned least; } sets[] = {
    /* fewer cases than `least` mean that a file has changed its form, not that all is well */
    {"hpke", run_hpke, 8},
    {"hpke-openssl", run_hpke_openssl, 0},
    {"wycheproof-ed25519", run_ed25519, 150},
    {"wycheproof-x25519", run_x25519, 500},
    {"wycheproof-aes-gcm", run_aes_gcm, 60},
    {"wycheproof-chacha20-poly1305", run_chacha20_poly1305, 200},
    {"wycheproof-hkdf-sha256", run_hkdf_sha256, 80},
    {"wycheproof-hmac-sha256", run_hmac_sha256, 170},
    {"cbor", run_cbor, 80},
    {"cose", run_cose, 20},
};

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    if (argc != 2 || tsk_crypto_init() != TSK_OK) {
        fprintf(stderr, "usage: vectors DIR\n");
        return 2;
    }
    folder = argv[1];
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct set s = {.name = sets[i].name};
        sets[i].run(&s);
        if (s.run < sets[i].least)
            set_case(&s, false, "fewer cases than", (long long)sets[i].least);
        printf("vectors %s: %u run, %u ok, %u skipped%s%s%s\n", s.name, s.run, s.ok, s.skipped,
               s.why == NULL ? "" : " (", s.why == NULL ? "" : s.why, s.why == NULL ? "" : ")");
        passed += s.ok;
        failed += s.run - s.ok;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
