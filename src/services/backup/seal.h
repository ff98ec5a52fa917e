// A file under a passphrase: scrypt (RFC 7914) makes the key, AES-256-GCM (NIST SP 800-38D) seals the content
// in pieces as a stream: each piece is bound to its place and to the header, the last one says that it is the
// last. What is cut short, put in another order, taken from another file or changed in any byte is noticed
// before it is used.
//
// The file: "SOKOULBK", the format's version (2 bytes, little end first), 16 bytes of salt; then pieces of
// 64 KiB and a tag of 16 bytes, the last one shorter. The nonce is the piece's number and the mark of the
// last; the key is of this file alone, since its salt is.
#ifndef SOK_SERVICES_BACKUP_SEAL_H
#define SOK_SERVICES_BACKUP_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define SOK_SEAL_HEADER_BYTES 26
#define SOK_SEAL_KEY_BYTES 32
#define SOK_SEAL_PIECE_BYTES 65536
#define SOK_SEAL_TAG_BYTES 16
#define SOK_SEAL_FORMAT 1

struct sok_sealer;
struct sok_unsealer;

// The key of a header and a passphrase: 32 MiB of memory and some tenths of a second.
SOK_MUST_CHECK enum sok_status sok_seal_key(
    const unsigned char header[SOK_SEAL_HEADER_BYTES], const char *passphrase,
    unsigned char ret_key[SOK_SEAL_KEY_BYTES], struct sok_error *err);

// A header with fresh salt.
void sok_seal_header(unsigned char ret_header[SOK_SEAL_HEADER_BYTES]);

// Reads a header. SOK_INVALID for what is no backup, SOK_UNSUPPORTED for the format of a newer version.
SOK_MUST_CHECK enum sok_status sok_seal_read_header(
    int fd, unsigned char ret_header[SOK_SEAL_HEADER_BYTES], struct sok_error *err);

// Writes behind the header, which the caller has written. `fd` is borrowed; one thread.
struct sok_sealer *sok_sealer_new(
    int fd, const unsigned char header[SOK_SEAL_HEADER_BYTES], const unsigned char key[SOK_SEAL_KEY_BYTES]);
SOK_MUST_CHECK enum sok_status sok_sealer_write(
    struct sok_sealer *sealer, const void *bytes, size_t len, struct sok_error *err);
// Writes the last piece; without it the file is one that was cut short.
SOK_MUST_CHECK enum sok_status sok_sealer_finish(struct sok_sealer *sealer, struct sok_error *err);
struct sok_sealer *sok_sealer_free(struct sok_sealer *sealer); // wipes the key

// Reads behind the header. `fd` is borrowed; one thread.
struct sok_unsealer *sok_unsealer_new(
    int fd, const unsigned char header[SOK_SEAL_HEADER_BYTES], const unsigned char key[SOK_SEAL_KEY_BYTES]);
// The next bytes, as they lie in the unsealer until the next call; *ret_len 0 at the end of a whole file.
// SOK_DENIED when the first piece does not open: another passphrase, or damage there; SOK_INVALID for damage
// behind it; SOK_IO.
SOK_MUST_CHECK enum sok_status sok_unsealer_read(
    struct sok_unsealer *unsealer, const unsigned char **ret_bytes, size_t *ret_len, struct sok_error *err);
struct sok_unsealer *sok_unsealer_free(struct sok_unsealer *unsealer); // wipes the key

#endif
