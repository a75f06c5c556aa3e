/* registrar.h - the offline folder R of whoever keeps the member list: R/root.key (hex of the Ed25519 seed), R/ca.key
 * (PKCS #8 of the transport's certificates), R/roster.cose (the newest roster). Both keys are files of mode 0600 in a
 * folder of mode 0700: the folder belongs on a machine or a stick that is not on the network. */
#ifndef TSK_NODE_CLI_REGISTRAR_H
#define TSK_NODE_CLI_REGISTRAR_H

#include <unistd.h>

#include "crypto/tls.h"
#include "node/cli/cli.h"
#include "node/core/members.h"

/* Half a folder is none: takes away these files (names with spaces between) and the folder, so that the same command can
 * be given again. */
void tsk_folder_undo(const char *dir, const char *files);

/* Elements of a roster's lists, encoded one after another as record.h wants them. `p` is memory (free). */
struct tsk_elements { uint8_t *p; size_t cap; struct tsk_cbor_out out; uint64_t n; };
TSK_MUST_USE enum tsk_err tsk_elements_init(struct tsk_elements *e, size_t cap);
void tsk_elements_drop(struct tsk_elements *e);
struct tsk_seq tsk_elements_seq(const struct tsk_elements *e);

/* The directory of organisations: the sample that is built in, or the rows of a TSV file with its columns
 * (id type name ward_code needs hours network node note; the first line is the heading). TSK_E_BADFILE names the line. */
TSK_MUST_USE enum tsk_err tsk_partners_sample(struct tsk_elements *e);
TSK_MUST_USE enum tsk_err tsk_partners_file(struct tsk_cli *c, const char *path, struct tsk_elements *e);

/* Signs `r` with R/root.key and writes R/roster.cose. `ret_bytes`: memory (free), or NULL if not wanted. */
/* Hashes of notice texts: those of the roster before, whose consents still stand, and those of this program. */
TSK_MUST_USE enum tsk_err tsk_notices_put(struct tsk_seq before, struct tsk_elements *e);

struct tsk_root { struct tsk_signer_key *key; };
void tsk_root_drop(struct tsk_root *r);
TSK_MUST_USE enum tsk_err tsk_root_open(struct tsk_cli *c, struct tsk_root *ret_root);
TSK_MUST_USE enum tsk_err tsk_roster_put(struct tsk_cli *c, const struct tsk_root *root, const struct tsk_roster *r);

static inline void tsk_members_drop(struct tsk_members **m)
{
    tsk_members_free(*m);
}
#define TSK_MEMBERS __attribute__((cleanup(tsk_members_drop))) struct tsk_members

/* One at a time: two that sign at once would sign the same seq twice. Waits as long as --wait says. The lock goes with the fd
 * (tsk_fd_drop). TSK_E_LOCKED, TSK_E_BADFILE. */
TSK_MUST_USE enum tsk_err tsk_registrar_lock(struct tsk_cli *c, int *ret_fd);
static inline void tsk_fd_drop(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define TSK_FD __attribute__((cleanup(tsk_fd_drop))) int

/* Reads every join of the words (a node's folder or its join.cose), makes the next roster and writes it. All or none;
 * without words the next one has the same members and a new validity. */
TSK_MUST_USE enum tsk_err tsk_admit_nodes(struct tsk_cli *c, uint64_t now);

#endif
