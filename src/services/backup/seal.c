#include "services/backup/seal.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rand.h"
#include "base/text.h"
#include "services/library/fd.h"

#define MAGIC "SOKOULBK"
#define MAGIC_BYTES 8
#define SALT_BYTES 16
#define NONCE_BYTES 12
#define SEALED_BYTES (SOK_SEAL_PIECE_BYTES + SOK_SEAL_TAG_BYTES)
// OWASP's advice for passwords at rest, in its form with the least memory.
#define SCRYPT_N 32768
#define SCRYPT_R 8
#define SCRYPT_P 3
#define SCRYPT_MEMORY_MAX ((uint64_t)64 << 20)

// What both directions have.
struct stream {
    int fd;
    unsigned char header[SOK_SEAL_HEADER_BYTES], key[SOK_SEAL_KEY_BYTES];
    uint64_t piece; // the number of the next one
    EVP_CIPHER_CTX *cipher;
};

struct sok_sealer {
    struct stream stream;
    size_t have;
    unsigned char plain[SOK_SEAL_PIECE_BYTES], sealed[SEALED_BYTES];
};

struct sok_unsealer {
    struct stream stream;
    size_t have; // of `sealed`
    bool is_over;
    unsigned char plain[SOK_SEAL_PIECE_BYTES], sealed[SEALED_BYTES + 1];
};

void sok_seal_header(unsigned char ret_header[SOK_SEAL_HEADER_BYTES])
{
    memcpy(ret_header, MAGIC, MAGIC_BYTES);
    ret_header[MAGIC_BYTES] = SOK_SEAL_FORMAT;
    ret_header[MAGIC_BYTES + 1] = 0;
    sok_random_bytes(ret_header + MAGIC_BYTES + 2, SALT_BYTES);
}

enum sok_status sok_seal_key(
    const unsigned char header[SOK_SEAL_HEADER_BYTES], const char *passphrase,
    unsigned char ret_key[SOK_SEAL_KEY_BYTES], struct sok_error *err)
{
    const unsigned char *salt = header + MAGIC_BYTES + 2;
    if (!EVP_PBE_scrypt(
            passphrase, strlen(passphrase), salt, SALT_BYTES, SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY_MAX,
            ret_key, SOK_SEAL_KEY_BYTES))
        return sok_fail(err, SOK_INTERNAL, "a key could not be made of the passphrase");
    return SOK_OK;
}

// As many bytes as there are, up to `size`.
static enum sok_status read_up_to(
    int fd, unsigned char *bytes, size_t size, size_t *have, struct sok_error *err)
{
    while (*have < size) {
        ssize_t got = read(fd, bytes + *have, size - *have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sok_fail_errno(err, SOK_IO, errno, "cannot read the backup");
        if (got == 0)
            break;
        *have += (size_t)got;
    }
    return SOK_OK;
}

enum sok_status sok_seal_read_header(
    int fd, unsigned char ret_header[SOK_SEAL_HEADER_BYTES], struct sok_error *err)
{
    size_t have = 0;
    SOK_TRY(read_up_to(fd, ret_header, SOK_SEAL_HEADER_BYTES, &have, err));
    if (have < MAGIC_BYTES || memcmp(ret_header, MAGIC, MAGIC_BYTES) != 0)
        return sok_fail(err, SOK_INVALID, "this is no backup of Sokoul");
    if (have < SOK_SEAL_HEADER_BYTES)
        return sok_fail(err, SOK_INVALID, "the backup was cut short");
    int format = ret_header[MAGIC_BYTES] | ret_header[MAGIC_BYTES + 1] << 8;
    if (format != SOK_SEAL_FORMAT)
        return sok_fail(
            err, SOK_UNSUPPORTED,
            "the backup has format %d, this program knows %d: use the Sokoul that wrote it", format,
            SOK_SEAL_FORMAT);
    return SOK_OK;
}

static void open_stream(
    struct stream *stream, int fd, const unsigned char header[SOK_SEAL_HEADER_BYTES],
    const unsigned char key[SOK_SEAL_KEY_BYTES])
{
    stream->fd = fd;
    memcpy(stream->header, header, SOK_SEAL_HEADER_BYTES);
    memcpy(stream->key, key, SOK_SEAL_KEY_BYTES);
    stream->cipher = EVP_CIPHER_CTX_new();
    if (!stream->cipher)
        sok_panic("out of memory for a cipher");
}

// One piece in either direction; the tag is written or checked. False when it does not hold.
static bool run_piece(
    struct stream *stream, bool encrypt, bool is_last, const unsigned char *in, size_t len,
    unsigned char *out, unsigned char *tag)
{
    unsigned char nonce[NONCE_BYTES] = {0};
    EVP_CIPHER_CTX *cipher = stream->cipher;
    int done = 0, tail = 0;
    for (int i = 0; i < 8; i++)
        nonce[i] = (unsigned char)(stream->piece >> (8 * i));
    nonce[NONCE_BYTES - 1] = is_last;
    if (!EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, stream->key, nonce, encrypt) ||
        !EVP_CipherUpdate(cipher, NULL, &done, stream->header, SOK_SEAL_HEADER_BYTES) ||
        !EVP_CipherUpdate(cipher, out, &done, in, (int)len) || (size_t)done != len)
        return false;
    if (!encrypt && !EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, SOK_SEAL_TAG_BYTES, tag))
        return false;
    if (EVP_CipherFinal_ex(cipher, out + done, &tail) <= 0)
        return false;
    return !encrypt || EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, SOK_SEAL_TAG_BYTES, tag);
}

// --- Writing.

struct sok_sealer *sok_sealer_new(
    int fd, const unsigned char header[SOK_SEAL_HEADER_BYTES], const unsigned char key[SOK_SEAL_KEY_BYTES])
{
    struct sok_sealer *sealer = calloc(1, sizeof(*sealer));
    if (!sealer)
        sok_panic("out of memory for a backup");
    open_stream(&sealer->stream, fd, header, key);
    return sealer;
}

static enum sok_status write_piece(struct sok_sealer *sealer, bool is_last, struct sok_error *err)
{
    size_t len = sealer->have;
    if (!run_piece(&sealer->stream, true, is_last, sealer->plain, len, sealer->sealed, sealer->sealed + len))
        return sok_fail(err, SOK_INTERNAL, "the backup could not be encrypted");
    if (!sok_fd_write_all(sealer->stream.fd, sealer->sealed, len + SOK_SEAL_TAG_BYTES))
        return sok_fail_errno(err, SOK_IO, errno, "cannot write the backup");
    sealer->stream.piece++;
    sealer->have = 0;
    return SOK_OK;
}

enum sok_status sok_sealer_write(
    struct sok_sealer *sealer, const void *bytes, size_t len, struct sok_error *err)
{
    for (const unsigned char *at = bytes; len;) {
        if (sealer->have == SOK_SEAL_PIECE_BYTES) // only now is it known not to be the last
            SOK_TRY(write_piece(sealer, false, err));
        size_t room = SOK_SEAL_PIECE_BYTES - sealer->have, part = len < room ? len : room;
        memcpy(sealer->plain + sealer->have, at, part);
        sealer->have += part;
        at += part;
        len -= part;
    }
    return SOK_OK;
}

enum sok_status sok_sealer_finish(struct sok_sealer *sealer, struct sok_error *err)
{
    return write_piece(sealer, true, err);
}

struct sok_sealer *sok_sealer_free(struct sok_sealer *sealer)
{
    if (!sealer)
        return NULL;
    EVP_CIPHER_CTX_free(sealer->stream.cipher);
    sok_wipe(sealer, sizeof(*sealer));
    free(sealer);
    return NULL;
}

// --- Reading.

struct sok_unsealer *sok_unsealer_new(
    int fd, const unsigned char header[SOK_SEAL_HEADER_BYTES], const unsigned char key[SOK_SEAL_KEY_BYTES])
{
    struct sok_unsealer *unsealer = calloc(1, sizeof(*unsealer));
    if (!unsealer)
        sok_panic("out of memory for a backup");
    open_stream(&unsealer->stream, fd, header, key);
    return unsealer;
}

static enum sok_status fail_piece(const struct sok_unsealer *unsealer, struct sok_error *err)
{
    if (unsealer->stream.piece == 0)
        return sok_fail(err, SOK_DENIED, "the passphrase is another one, or the backup is damaged");
    return sok_fail(
        err, SOK_INVALID, "the backup is damaged or was cut short, behind %llu bytes",
        (unsigned long long)(SOK_SEAL_HEADER_BYTES + unsealer->stream.piece * SEALED_BYTES));
}

// A piece is the last when nothing lies behind it: one byte more is read to know.
enum sok_status sok_unsealer_read(
    struct sok_unsealer *unsealer, const unsigned char **ret_bytes, size_t *ret_len, struct sok_error *err)
{
    *ret_len = 0;
    if (unsealer->is_over)
        return SOK_OK;
    SOK_TRY(
        read_up_to(unsealer->stream.fd, unsealer->sealed, sizeof(unsealer->sealed), &unsealer->have, err));
    bool is_last = unsealer->have <= SEALED_BYTES;
    size_t size = is_last ? unsealer->have : SEALED_BYTES;
    if (size < SOK_SEAL_TAG_BYTES)
        return fail_piece(unsealer, err);
    size_t len = size - SOK_SEAL_TAG_BYTES;
    if (!run_piece(
            &unsealer->stream, false, is_last, unsealer->sealed, len, unsealer->plain,
            unsealer->sealed + len))
        return fail_piece(unsealer, err);
    unsealer->stream.piece++;
    unsealer->have -= size;
    unsealer->sealed[0] = unsealer->sealed[SEALED_BYTES];
    unsealer->is_over = is_last;
    *ret_bytes = unsealer->plain;
    *ret_len = len;
    return SOK_OK;
}

struct sok_unsealer *sok_unsealer_free(struct sok_unsealer *unsealer)
{
    if (!unsealer)
        return NULL;
    EVP_CIPHER_CTX_free(unsealer->stream.cipher);
    sok_wipe(unsealer, sizeof(*unsealer));
    free(unsealer);
    return NULL;
}
