// What a file of a backup withstands, byte by byte, and records of any making; the commands themselves are
// tests/test_backup.py's.
#include "services/backup/backup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/rand.h"
#include "base/test.h"
#include "services/backup/pack.h"
#include "services/backup/records_testing.h"
#include "services/library/fd.h"

#define PLAIN_BYTES (3 * SOK_SEAL_PIECE_BYTES + 1000)

// --- Sealed files.

struct sealed {
    unsigned char header[SOK_SEAL_HEADER_BYTES], key[SOK_SEAL_KEY_BYTES];
    unsigned char plain[PLAIN_BYTES];
    unsigned char bytes[PLAIN_BYTES + 8 * SOK_SEAL_TAG_BYTES];
    size_t plain_len, len;
};

static int memory_file(const void *bytes, size_t len)
{
    int fd = memfd_create("sealed", MFD_CLOEXEC);
    assert_true(fd >= 0 && sok_fd_write_all(fd, bytes, len));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void seal(struct sealed *s, size_t plain_len)
{
    struct sok_error err = {0};
    SOK_FD_AUTO fd = memory_file("", 0);
    sok_seal_header(s->header);
    sok_random_bytes(s->key, sizeof(s->key));
    sok_random_bytes(s->plain, plain_len);
    struct sok_sealer *sealer = sok_sealer_new(fd, s->header, s->key);
    for (size_t at = 0, part; at < plain_len; at += part) {
        part = 1 + sok_random_below(90000);
        part = part < plain_len - at ? part : plain_len - at;
        assert_int_equal(sok_sealer_write(sealer, s->plain + at, part, &err), SOK_OK);
    }
    assert_int_equal(sok_sealer_finish(sealer, &err), SOK_OK);
    sok_sealer_free(sealer);
    s->plain_len = plain_len;
    s->len = (size_t)lseek(fd, 0, SEEK_END);
    assert_true(s->len <= sizeof(s->bytes));
    assert_int_equal(pread(fd, s->bytes, s->len, 0), s->len);
}

// How many bytes come out of these, all of them those that went in; *ret_status what it ends with.
static size_t open_again(const struct sealed *s, const void *bytes, size_t len, enum sok_status *ret_status)
{
    struct sok_error err = {0};
    SOK_FD_AUTO fd = memory_file(bytes, len);
    struct sok_unsealer *unsealer = sok_unsealer_new(fd, s->header, s->key);
    size_t got = 0;
    for (;;) {
        const unsigned char *plain = NULL;
        size_t part = 0;
        *ret_status = sok_unsealer_read(unsealer, &plain, &part, &err);
        if (*ret_status != SOK_OK || part == 0)
            break;
        assert_true(got + part <= s->plain_len);
        assert_memory_equal(plain, s->plain + got, part);
        got += part;
    }
    sok_unsealer_free(unsealer);
    return got;
}

static void what_was_sealed_opens_at_every_length(void **state)
{
    static const size_t lengths[] = {
        0,
        1,
        SOK_SEAL_PIECE_BYTES - 1,
        SOK_SEAL_PIECE_BYTES,
        SOK_SEAL_PIECE_BYTES + 1,
        2 * SOK_SEAL_PIECE_BYTES,
        PLAIN_BYTES};
    struct sealed *s = calloc(1, sizeof(*s));
    enum sok_status status;
    for (size_t i = 0; i < SOK_ARRAY_LEN(lengths); i++) {
        seal(s, lengths[i]);
        assert_int_equal(open_again(s, s->bytes, s->len, &status), lengths[i]);
        assert_int_equal(status, SOK_OK);
    }
    free(s);
}

static void a_bit_flipped_anywhere_is_noticed(void **state)
{
    struct sealed *s = calloc(1, sizeof(*s));
    enum sok_status status;
    seal(s, PLAIN_BYTES);
    for (int i = 0; i < 1500; i++) {
        size_t at = i < 200 ? s->len - 1 - (size_t)i : sok_random_below((uint32_t)s->len);
        unsigned char bit = (unsigned char)(1u << sok_random_below(8));
        s->bytes[at] ^= bit;
        size_t got = open_again(s, s->bytes, s->len, &status);
        assert_true(status == SOK_INVALID || status == SOK_DENIED);
        assert_true(got <= at);
        s->bytes[at] ^= bit;
    }
    s->header[20] ^= 1; // it is bound to its header, too
    assert_int_equal(open_again(s, s->bytes, s->len, &status), 0);
    assert_int_equal(status, SOK_DENIED);
    free(s);
}

static void a_file_cut_short_anywhere_is_noticed(void **state)
{
    struct sealed *s = calloc(1, sizeof(*s));
    enum sok_status status;
    seal(s, PLAIN_BYTES);
    for (int i = 0; i < 400; i++) {
        size_t len = i < 5 ? (size_t)i * (SOK_SEAL_PIECE_BYTES + SOK_SEAL_TAG_BYTES) // between two pieces
                           : sok_random_below((uint32_t)s->len);
        if (len >= s->len)
            continue;
        (void)open_again(s, s->bytes, len, &status);
        assert_int_not_equal(status, SOK_OK);
    }
    free(s);
}

static void what_is_no_backup_is_named(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum sok_status status;
    } cases[] = {
        {"", 0, SOK_INVALID},
        {"SOKOULB", 7, SOK_INVALID},
        {"SOKOULBK\1\0salt", 14, SOK_INVALID},
        {"SOKOULBK\2\0ssssssssssssssss", 26, SOK_UNSUPPORTED},
        {"SOKOULBK\1\1ssssssssssssssss", 26, SOK_UNSUPPORTED},
        {"sokoulbk\1\0ssssssssssssssss", 26, SOK_INVALID},
        {"SOKOULBK\1\0ssssssssssssssss", 26, SOK_OK},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        unsigned char header[SOK_SEAL_HEADER_BYTES];
        struct sok_error err = {0};
        SOK_FD_AUTO fd = memory_file(cases[i].bytes, cases[i].len);
        assert_int_equal(sok_seal_read_header(fd, header, &err), cases[i].status);
    }
}

static void a_packed_file_ends_where_it_should(void **state)
{
    struct sok_error err = {0};
    char back[16];
    SOK_FD_AUTO fd = memory_file("", 0);
    struct sok_packer *packer = NULL;
    assert_int_equal(sok_packer_new(fd, "passphrase", &packer, &err), SOK_OK);
    assert_int_equal(sok_packer_write(packer, "0123456789", 10, &err), SOK_OK);
    assert_int_equal(sok_packer_finish(packer, &err), SOK_OK);
    sok_packer_free(packer);
    for (size_t asked = 9; asked <= 11; asked++) {
        struct sok_unpacker *unpacker = NULL;
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(sok_unpacker_new(fd, "passphrase", &unpacker, &err), SOK_OK);
        assert_int_equal(sok_unpacker_read(unpacker, back, asked, &err), asked > 10 ? SOK_INVALID : SOK_OK);
        if (asked <= 10)
            assert_int_equal(sok_unpacker_finish(unpacker, &err), asked == 10 ? SOK_OK : SOK_INVALID);
        sok_unpacker_free(unpacker);
    }
    struct sok_unpacker *other = NULL;
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(sok_unpacker_new(fd, "Passphrase", &other, &err), SOK_OK);
    assert_int_equal(sok_unpacker_read(other, back, 1, &err), SOK_DENIED);
    sok_unpacker_free(other);
}

// --- Records.

static enum sok_status read_records(const char *bytes, size_t len)
{
    struct sok_test_records memory = {bytes, len, 0};
    struct sok_error err = {0};
    const struct sok_backup_source source = {&memory, sok_test_records_take};
    const struct sok_backup_sink nobody = {0};
    enum sok_status status = sok_backup_read(&source, &nobody, &err);
    assert_true(status != SOK_OK || memory.at == len);
    return status;
}
#define RECORDS(text) read_records(text, sizeof(text) - 1)

#define BEGIN "B\1\0\0\0v\7\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0s"
#define TABLE "T\1\0\0\0t\1\0\1\0\0\0c"
#define NO_ROWS "E\0\0\0\0\0\0\0\0"

static void records_in_order_are_read(void **state)
{
    assert_int_equal(RECORDS(BEGIN "Z"), SOK_OK);
    assert_int_equal(RECORDS(BEGIN TABLE NO_ROWS "Z"), SOK_OK);
    assert_int_equal(RECORDS(BEGIN TABLE "RNE\1\0\0\0\0\0\0\0Z"), SOK_OK);
    assert_int_equal(RECORDS(BEGIN TABLE "RS\2\0\0\0éRX\1\0\0\0\0E\2\0\0\0\0\0\0\0Z"), SOK_OK);
    assert_int_equal(RECORDS(BEGIN "F\6\0\0\0keys/k\2\0\0\0\0\0\0\0abZ"), SOK_OK);
}

static void records_out_of_order_or_beyond_limits_are_refused(void **state)
{
    assert_int_equal(RECORDS(""), SOK_INVALID);
    assert_int_equal(RECORDS("Z"), SOK_INVALID);
    assert_int_equal(RECORDS(BEGIN), SOK_INVALID);
    assert_int_equal(RECORDS(BEGIN BEGIN "Z"), SOK_INVALID);
    assert_int_equal(RECORDS(BEGIN "RNZ"), SOK_INVALID);
    assert_int_equal(RECORDS(BEGIN TABLE "Z"), SOK_INVALID);
    assert_int_equal(RECORDS(BEGIN TABLE TABLE NO_ROWS "Z"), SOK_INVALID);
    assert_int_equal(RECORDS(BEGIN TABLE "RN" NO_ROWS "Z"), SOK_INVALID);                 // another count
    assert_int_equal(RECORDS(BEGIN TABLE "RS\1\0\0\0\0E\1\0\0\0\0\0\0\0Z"), SOK_INVALID); // a text with a NUL
    assert_int_equal(RECORDS(BEGIN TABLE "RX\xff\xff\xff\xff"), SOK_INVALID);
    assert_int_equal(RECORDS(BEGIN "T\1\0\0\0t\0\0" NO_ROWS "Z"), SOK_INVALID); // no column
    assert_int_equal(RECORDS(BEGIN "T\1\0\0\0t\xff\xff"), SOK_INVALID);
    assert_int_equal(RECORDS(BEGIN "T\xff\0\0\0"), SOK_INVALID);
    assert_int_equal(RECORDS(BEGIN "F\6\0\0\0keys/k\0\0\0\0\0\0\0\1"), SOK_INVALID);
    assert_int_equal(RECORDS("B\1\0\0\0\xff\7\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0sZ"), SOK_INVALID);
}

static void only_plain_names_in_three_folders_are_files(void **state)
{
    static const char *const good[] = {
        "sokoul.conf", "keys/secret.key", "avatars/01a2-b.png", "resume/ab.resume"};
    static const char *const bad[] = {
        "",         "keys",      "keys/",     "keys/.",       "keys/..",   "keys/.hidden", "keys/a/b",
        "/keys/a",  "../keys/a", "keys/../a", "keys//a",      "sokoul.db", "sokoul.conf/", "keys/a b",
        "keys/a\n", "keys/é",    "keys/a\\b", "library/a.mkv"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(good); i++)
        assert_true(sok_backup_path_is_valid(good[i]));
    for (size_t i = 0; i < SOK_ARRAY_LEN(bad); i++)
        assert_false(sok_backup_path_is_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens_at_every_length),
        cmocka_unit_test(a_bit_flipped_anywhere_is_noticed),
        cmocka_unit_test(a_file_cut_short_anywhere_is_noticed),
        cmocka_unit_test(what_is_no_backup_is_named),
        cmocka_unit_test(a_packed_file_ends_where_it_should),
        cmocka_unit_test(records_in_order_are_read),
        cmocka_unit_test(records_out_of_order_or_beyond_limits_are_refused),
        cmocka_unit_test(only_plain_names_in_three_folders_are_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
