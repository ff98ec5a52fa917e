// Secrets at rest (providers' API keys): AES-256-GCM under one key in $DATA_DIR/keys/secret.key (mode 0600).
#ifndef SOK_SERVICES_AUTH_SECRETBOX_H
#define SOK_SERVICES_AUTH_SECRETBOX_H

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

#define SOK_SECRET_MAX_BYTES 8192

struct sok_secretbox;

// Reads the key, making it when there is none. SOK_IO or SOK_INVALID (wrong mode or length; the file is
// named). Blocks. Owned by the caller; any thread.
SOK_MUST_CHECK enum sok_status sok_secretbox_open(
    const char *data_dir, struct sok_secretbox **ret, struct sok_error *err);
struct sok_secretbox *sok_secretbox_close(struct sok_secretbox *box); // wipes the key

// "v1." and base64url of nonce, ciphertext and tag, in the arena. `purpose` (such as "provider:<id>") is
// bound into it: the text opens under the same purpose only, so a stored secret cannot be moved to another
// row.
SOK_MUST_CHECK enum sok_status sok_secretbox_seal(
    const struct sok_secretbox *box, struct sok_arena *arena, const char *purpose, const char *secret,
    const char **ret_sealed, struct sok_error *err);

// The other way. SOK_INVALID when it was changed, belongs to another purpose or was sealed with another key.
// The secret is text in the arena: wipe it when done with it.
SOK_MUST_CHECK enum sok_status sok_secretbox_unseal(
    const struct sok_secretbox *box, struct sok_arena *arena, const char *purpose, const char *sealed,
    const char **ret_secret, struct sok_error *err);

// The address of a torrent as the database keeps it: it may carry its indexer's key. Sealed for
// "torrent-url"; NULL stays NULL, and without a box (a test of its own) it stays as it is. Opening takes what
// is not sealed as it is: rows from before. Errors as above.
SOK_MUST_CHECK enum sok_status sok_secretbox_seal_url(
    const struct sok_secretbox *box, struct sok_arena *arena, const char *url, const char **ret_stored,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_secretbox_open_url(
    const struct sok_secretbox *box, struct sok_arena *arena, const char *stored, const char **ret_url,
    struct sok_error *err);

// A key for another use, derived from the box's own by HMAC-SHA-256 over `label` (such as "stream-urls").
void sok_secretbox_derive(const struct sok_secretbox *box, const char *label, unsigned char ret_key[32]);

SOK_DEFINE_CLEANUP(struct sok_secretbox, sok_secretbox_cleanup, sok_secretbox_close)

#endif
