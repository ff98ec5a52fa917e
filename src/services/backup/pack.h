// The content of a backup on its way to and from its file: deflated (RFC 1950), then sealed (seal.h).
#ifndef SOK_SERVICES_BACKUP_PACK_H
#define SOK_SERVICES_BACKUP_PACK_H

#include "services/backup/seal.h"

struct sok_packer;
struct sok_unpacker;

// Writes a header and what follows; `fd` is borrowed. One thread.
SOK_MUST_CHECK enum sok_status sok_packer_new(
    int fd, const char *passphrase, struct sok_packer **ret, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_packer_write(
    struct sok_packer *packer, const void *bytes, size_t len, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_packer_finish(struct sok_packer *packer, struct sok_error *err);
struct sok_packer *sok_packer_free(struct sok_packer *packer);

// Reads a header and what follows; `fd` is borrowed. SOK_INVALID, SOK_UNSUPPORTED as
// sok_seal_read_header's. One thread.
SOK_MUST_CHECK enum sok_status sok_unpacker_new(
    int fd, const char *passphrase, struct sok_unpacker **ret, struct sok_error *err);
// Exactly `len` bytes. SOK_DENIED, SOK_INVALID, SOK_IO as sok_unsealer_read's.
SOK_MUST_CHECK enum sok_status sok_unpacker_read(
    struct sok_unpacker *unpacker, void *bytes, size_t len, struct sok_error *err);
// SOK_INVALID when anything lies behind what was read.
SOK_MUST_CHECK enum sok_status sok_unpacker_finish(struct sok_unpacker *unpacker, struct sok_error *err);
struct sok_unpacker *sok_unpacker_free(struct sok_unpacker *unpacker);

SOK_DEFINE_CLEANUP(struct sok_packer, sok_packer_cleanup, sok_packer_free)
SOK_DEFINE_CLEANUP(struct sok_unpacker, sok_unpacker_cleanup, sok_unpacker_free)

#endif
