#include "base/test.h"

#include <string.h>

#include "base/digest.h"
#include "base/encode.h"
#include "base/rand.h"

// RFC 4648 section 10.
static void base64_of_rfc4648(void **state)
{
    static const char *const cases[][2] = {
        {"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[16], back[16];
        size_t len;
        sok_base64url_encode(cases[i][0], strlen(cases[i][0]), text);
        assert_string_equal(cases[i][1], text);
        assert_true(sok_base64_decode(text, strlen(text), back, sizeof(back), &len));
        assert_int_equal(strlen(cases[i][0]), len);
        assert_memory_equal(cases[i][0], back, len);
    }
    char out[2];
    size_t len;
    assert_false(sok_base64_decode("Zm9v", 4, out, 2, &len));
    assert_false(sok_base64_decode("Zm9 ", 4, out, 2, &len));
    assert_false(sok_base64_decode("Z", 1, out, 2, &len));
}

static void base32_and_hex_of_the_same_info_hash(void **state)
{
    unsigned char a[20], b[20];
    assert_true(sok_base32_decode("2GWLSRUJIZNLLGVNNNXUPUH5VCQTBMCP", 32, a, 20));
    assert_true(sok_hex_decode("D1ACB94689465AB59AAD6B6F47D0FDA8A130B04F", 40, b, 20));
    assert_memory_equal(a, b, 20);
    char hex[41];
    sok_hex_encode(a, 20, hex);
    assert_string_equal("d1acb94689465ab59aad6b6f47d0fda8a130b04f", hex);
    assert_false(sok_hex_decode("zz", 2, a, 1));
    assert_false(sok_base32_decode("01", 2, a, 1));
}

// FIPS 180-4 example; RFC 4231 test case 2.
static void digests_of_the_standards(void **state)
{
    char hex[SOK_SHA256_HEX];
    unsigned char mac[SOK_SHA256_BYTES];
    sok_sha256_hex("abc", 3, hex);
    assert_string_equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hex);
    sok_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
    sok_hex_encode(mac, sizeof(mac), hex);
    assert_string_equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", hex);
}

static void uuid7_ids_are_in_order(void **state)
{
    char last[SOK_UUID_LEN + 1] = "", id[SOK_UUID_LEN + 1];
    for (int i = 0; i < 10000; i++) {
        sok_uuid7(1700000000000 + i / 100, id);
        assert_int_equal(36, strlen(id));
        assert_int_equal('7', id[14]);
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof(id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_of_rfc4648),
        cmocka_unit_test(base32_and_hex_of_the_same_info_hash),
        cmocka_unit_test(digests_of_the_standards),
        cmocka_unit_test(uuid7_ids_are_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
