/* folder.h - the node's folder D: 0700, one lock, files written whole or not at all.
 *
 *   D/keys  D/unlock  D/node.conf  D/join.cose  D/roster.cose  D/roots  D/control.sock  D/lock  D/db/{data,lock}.mdb
 */
#ifndef TSK_NODE_CORE_FOLDER_H
#define TSK_NODE_CORE_FOLDER_H

#include "crypto/keyfile.h"

#define TSK_PATH_CAP 512

/* dir/name; TSK_E_USAGE if too long. */
TSK_MUST_USE enum tsk_err tsk_path(const char *dir, const char *name, char ret_path[TSK_PATH_CAP]);
/* Makes D with 0700 (TSK_E_EXISTS if it is there and not empty), durably. */
TSK_MUST_USE enum tsk_err tsk_folder_new(const char *dir);
/* Exclusive flock on D/lock for the life of the process; -1 never returned: TSK_E_LOCKED, TSK_E_BADFILE. */
TSK_MUST_USE enum tsk_err tsk_folder_lock(const char *dir, int *ret_fd);

/* Reads a file of at most `cap` bytes; returns memory (free), NUL-ended for convenience. "-" is standard input.
 * TSK_E_BADFILE. */
TSK_MUST_USE enum tsk_err tsk_file_read(const char *path, size_t cap, uint8_t **ret_p, size_t *ret_n);
/* Temporary file beside it, fsync, rename, fsync of the folder. TSK_E_DISK / TSK_E_DISKFULL. */
TSK_MUST_USE enum tsk_err tsk_file_write(const char *path, struct tsk_slice bytes, unsigned mode);

/* fsync of the folder itself: what was made or renamed in it is found again after a power loss. TSK_E_DISK / TSK_E_DISKFULL. */
TSK_MUST_USE enum tsk_err tsk_folder_sync(const char *dir);

/* The unlock secret is the bytes of its file as they are, newline and all. TSK_E_KEYS.
 * Opens D/keys with the unlock secret from `unlock_file`, or $CREDENTIALS_DIRECTORY/unlock, or D/unlock (in this order). */
TSK_MUST_USE enum tsk_err tsk_folder_keys(const char *dir, const char *unlock_file, struct tsk_node_keys **ret_keys);

#endif
