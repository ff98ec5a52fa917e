#include "services/backup/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/text.h"
#include "services/library/fd.h"

#define LEVEL 4 // of 9: the disk is no slower than this, and the file hardly larger than at 6

struct sok_packer {
    struct sok_sealer *sealer;
    z_stream z;
    unsigned char out[65536];
};

struct sok_unpacker {
    struct sok_unsealer *unsealer;
    z_stream z;
    bool is_over; // the deflated stream has ended
};

enum sok_status sok_packer_new(int fd, const char *passphrase, struct sok_packer **ret, struct sok_error *err)
{
    unsigned char header[SOK_SEAL_HEADER_BYTES], key[SOK_SEAL_KEY_BYTES];
    sok_seal_header(header);
    SOK_TRY(sok_seal_key(header, passphrase, key, err));
    if (!sok_fd_write_all(fd, header, sizeof(header))) {
        sok_wipe(key, sizeof(key));
        return sok_fail_errno(err, SOK_IO, errno, "cannot write the backup");
    }
    struct sok_packer *packer = calloc(1, sizeof(*packer));
    if (!packer || deflateInit(&packer->z, LEVEL) != Z_OK)
        sok_panic("out of memory for a backup");
    packer->sealer = sok_sealer_new(fd, header, key);
    sok_wipe(key, sizeof(key));
    *ret = packer;
    return SOK_OK;
}

static enum sok_status pump(struct sok_packer *packer, int flush, struct sok_error *err)
{
    do {
        packer->z.next_out = packer->out;
        packer->z.avail_out = sizeof(packer->out);
        if (deflate(&packer->z, flush) == Z_STREAM_ERROR)
            return sok_fail(err, SOK_INTERNAL, "the backup could not be compressed");
        SOK_TRY(
            sok_sealer_write(packer->sealer, packer->out, sizeof(packer->out) - packer->z.avail_out, err));
    } while (packer->z.avail_out == 0);
    return SOK_OK;
}

enum sok_status sok_packer_write(
    struct sok_packer *packer, const void *bytes, size_t len, struct sok_error *err)
{
    packer->z.next_in = (unsigned char *)bytes;
    packer->z.avail_in = (unsigned)len;
    return pump(packer, Z_NO_FLUSH, err);
}

enum sok_status sok_packer_finish(struct sok_packer *packer, struct sok_error *err)
{
    packer->z.avail_in = 0;
    SOK_TRY(pump(packer, Z_FINISH, err));
    return sok_sealer_finish(packer->sealer, err);
}

struct sok_packer *sok_packer_free(struct sok_packer *packer)
{
    if (!packer)
        return NULL;
    deflateEnd(&packer->z);
    sok_sealer_free(packer->sealer);
    sok_wipe(packer, sizeof(*packer));
    free(packer);
    return NULL;
}

enum sok_status sok_unpacker_new(
    int fd, const char *passphrase, struct sok_unpacker **ret, struct sok_error *err)
{
    unsigned char header[SOK_SEAL_HEADER_BYTES], key[SOK_SEAL_KEY_BYTES];
    SOK_TRY(sok_seal_read_header(fd, header, err));
    SOK_TRY(sok_seal_key(header, passphrase, key, err));
    struct sok_unpacker *unpacker = calloc(1, sizeof(*unpacker));
    if (!unpacker || inflateInit(&unpacker->z) != Z_OK)
        sok_panic("out of memory for a backup");
    unpacker->unsealer = sok_unsealer_new(fd, header, key);
    sok_wipe(key, sizeof(key));
    *ret = unpacker;
    return SOK_OK;
}

// More to inflate; *ret_more false at the end of the file.
static enum sok_status refill(struct sok_unpacker *unpacker, bool *ret_more, struct sok_error *err)
{
    const unsigned char *bytes = NULL;
    size_t len = 0;
    *ret_more = true;
    if (unpacker->z.avail_in)
        return SOK_OK;
    SOK_TRY(sok_unsealer_read(unpacker->unsealer, &bytes, &len, err));
    unpacker->z.next_in = (unsigned char *)bytes;
    unpacker->z.avail_in = (unsigned)len;
    *ret_more = len > 0;
    return SOK_OK;
}

// Up to `len` bytes; *ret_got less only at the end.
static enum sok_status inflate_some(
    struct sok_unpacker *unpacker, unsigned char *bytes, size_t len, size_t *ret_got, struct sok_error *err)
{
    unpacker->z.next_out = bytes;
    unpacker->z.avail_out = (unsigned)len;
    while (unpacker->z.avail_out && !unpacker->is_over) {
        bool more = false;
        SOK_TRY(refill(unpacker, &more, err));
        if (!more)
            break;
        int code = inflate(&unpacker->z, Z_NO_FLUSH);
        if (code == Z_STREAM_END)
            unpacker->is_over = true;
        else if (code != Z_OK)
            return sok_fail(err, SOK_INVALID, "the backup is damaged");
    }
    *ret_got = len - unpacker->z.avail_out;
    return SOK_OK;
}

enum sok_status sok_unpacker_read(
    struct sok_unpacker *unpacker, void *bytes, size_t len, struct sok_error *err)
{
    size_t got = 0;
    SOK_TRY(inflate_some(unpacker, bytes, len, &got, err));
    return got == len ? SOK_OK : sok_fail(err, SOK_INVALID, "the backup was cut short");
}

enum sok_status sok_unpacker_finish(struct sok_unpacker *unpacker, struct sok_error *err)
{
    unsigned char one;
    size_t got = 0;
    bool more = false;
    SOK_TRY(inflate_some(unpacker, &one, 1, &got, err)); // the check sum at the end, too
    if (got == 0 && unpacker->is_over)
        SOK_TRY(refill(unpacker, &more, err));
    if (got || more || !unpacker->is_over)
        return sok_fail(err, SOK_INVALID, "the backup does not end where it should");
    return SOK_OK;
}

struct sok_unpacker *sok_unpacker_free(struct sok_unpacker *unpacker)
{
    if (!unpacker)
        return NULL;
    inflateEnd(&unpacker->z);
    sok_unsealer_free(unpacker->unsealer);
    free(unpacker);
    return NULL;
}
