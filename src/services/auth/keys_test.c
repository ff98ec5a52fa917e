#include "services/auth/keys.h"

#include "base/test.h"
#include "base/text.h"
#include "services/auth/test_dir.h"

static struct sok_test_dir dir;
static struct sok_clock_manual time_now;
static struct sok_error err;

static int setup(void **state SOK_UNUSED)
{
    sok_test_dir_make(&dir);
    sok_clock_manual_init(&time_now, 1000);
    memset(&err, 0, sizeof(err));
    return 0;
}

static int teardown(void **state SOK_UNUSED)
{
    sok_test_dir_remove(dir.path);
    return 0;
}

static mode_t mode_of(const char *name)
{
    char path[512];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", dir.path, name);
    return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

static void first_start_makes_one_key_nobody_else_can_read(void **state SOK_UNUSED)
{
    struct sok_keys *keys = NULL;
    assert_ok(sok_keys_open(dir.path, &time_now.clock, &keys, &err));
    assert_int_equal(0700, mode_of("keys"));
    assert_int_equal(0600, mode_of("keys/signing-1000.pem"));
    assert_int_equal(SOK_KEY_ID_LEN, strlen(sok_keys_signer(keys)->id));
    assert_true(sok_text_starts(sok_keys_signer(keys)->public_pem, "-----BEGIN PUBLIC KEY-----"));
    sok_keys_close(keys);
}

static void second_start_finds_the_same_key(void **state SOK_UNUSED)
{
    struct sok_keys *first = NULL, *second = NULL;
    assert_ok(sok_keys_open(dir.path, &time_now.clock, &first, &err));
    sok_clock_manual_advance(&time_now, 5000);
    assert_ok(sok_keys_open(dir.path, &time_now.clock, &second, &err));
    assert_string_equal(sok_keys_signer(first)->id, sok_keys_signer(second)->id);
    sok_keys_close(first);
    sok_keys_close(second);
}

static void newest_key_signs_and_older_ones_are_still_found(void **state SOK_UNUSED)
{
    struct sok_test_dir other;
    struct sok_keys *old = NULL, *newer = NULL, *both = NULL;
    assert_ok(sok_keys_open(dir.path, &time_now.clock, &old, &err));
    sok_test_dir_make(&other);
    assert_ok(sok_keys_open(other.path, &time_now.clock, &newer, &err));
    char keys_dir[128];
    snprintf(keys_dir, sizeof(keys_dir), "%s/keys", dir.path);
    sok_test_dir_write(keys_dir, "signing-2000.pem", sok_keys_signer(newer)->private_pem, 0600);
    assert_ok(sok_keys_open(dir.path, &time_now.clock, &both, &err));
    assert_string_equal(sok_keys_signer(newer)->id, sok_keys_signer(both)->id);
    assert_non_null(sok_keys_find(both, sok_keys_signer(old)->id));
    assert_null(sok_keys_find(old, sok_keys_signer(newer)->id));
    assert_null(sok_keys_find(both, ""));
    sok_keys_close(old);
    sok_keys_close(newer);
    sok_keys_close(both);
    sok_test_dir_remove(other.path);
}

static void key_file_others_may_read_is_refused_by_name(void **state SOK_UNUSED)
{
    struct sok_keys *keys = NULL;
    assert_ok(sok_keys_open(dir.path, &time_now.clock, &keys, &err));
    sok_keys_close(keys);
    char path[128];
    snprintf(path, sizeof(path), "%s/keys/signing-1000.pem", dir.path);
    chmod(path, 0644);
    assert_int_equal(SOK_INVALID, sok_keys_open(dir.path, &time_now.clock, &keys, &err));
    assert_non_null(strstr(err.message, "signing-1000.pem"));
    chmod(path, 0600);
    snprintf(path, sizeof(path), "%s/keys", dir.path);
    chmod(path, 0755);
    assert_int_equal(SOK_INVALID, sok_keys_open(dir.path, &time_now.clock, &keys, &err));
}

static void file_without_a_usable_key_is_refused(void **state SOK_UNUSED)
{
    static const char short_key[] = // 1024 bits
        "-----BEGIN PRIVATE KEY-----\n"
        "MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAMDi9GN+JPMzc/LG\n"
        "f8yFrnpXDfa9z9rrk0zCyU6sdZbwZCU8M7L3uPCFRLZNgx4KPUc+z2/OoIPK2U16\n"
        "Fv28BpYSiM/m0sMKxwxLnO9BPEPc7X47lEGcgHAATUZQpQFeBYPEyPyI0WpTUKkE\n"
        "BYsyPlWIC/o3hG1QMKs0Nr59+kDxAgMBAAECgYBkG+a3VJsc1lGRaVCe96rsuA35\n"
        "R95/QtD6gAY3HO8S3cU8RhiXBFcqDiDxdR1eE/Zl6cWDw/wvKrLJsVoJavMHPCGQ\n"
        "mdtDNRj7xt02/408tPeruysX/SstX/7RXto+6QPocpazdZfTuIfbL0ByorPU8PdJ\n"
        "aIfQITculkRTm3UoIQJBAPxpCjl0vGzPphOJ/Kl6Mr8PMa+cNax0HayZ21mzp7CH\n"
        "ryVPGQABF8nh4PY/D9pUQ66AGP5Uw+BX/+3vXUfXPR0CQQDDoTRF8RT9VqFzx8LD\n"
        "zN9pTyxjVe+quNXsWRtakF42z3rj+NPFqW58pCUpOBHca0i9nz/ruzHZ4dpF4W3j\n"
        "LQ7lAkEAguvU0tJ6/ZGDGfVjqWBpu/IcmnLS4D1mOuWfAdsOqqDmNtrdI8RtW1ie\n"
        "//rbtSop5PQqgpji9JWQeRDD+IRq/QJAdYCqKSh49wHF0Ak4TusLdfF8M942KlED\n"
        "DQcoiukT7dAJfEzExoDSQENHns5yy/YUpvC0MB8r/jbOKBMTMdSqkQJBAJ1EU9Jr\n"
        "VMnR9oI+vWVYgr/CMS5Ab17XiykCphu4otX4Jqv/57mWeO8lOlwN8SdXrbH20oPx\n"
        "u/42ecUBWiVllJc=\n"
        "-----END PRIVATE KEY-----\n";
    struct sok_keys *keys = NULL;
    char keys_dir[128];
    snprintf(keys_dir, sizeof(keys_dir), "%s/keys", dir.path);
    mkdir(keys_dir, 0700);
    sok_test_dir_write(keys_dir, "signing-1.pem", "no key at all", 0600);
    assert_int_equal(SOK_INVALID, sok_keys_open(dir.path, &time_now.clock, &keys, &err));
    sok_test_dir_write(keys_dir, "signing-1.pem", short_key, 0600);
    assert_int_equal(SOK_INVALID, sok_keys_open(dir.path, &time_now.clock, &keys, &err));
    assert_non_null(strstr(err.message, "bits"));
}

static void jwks_shows_public_numbers_only(void **state SOK_UNUSED)
{
    struct sok_keys *keys = NULL;
    assert_ok(sok_keys_open(dir.path, &time_now.clock, &keys, &err));
    SOK_JSON_AUTO *set = sok_keys_jwks(keys);
    const json_t *key = json_array_get(json_object_get(set, "keys"), 0);
    assert_int_equal(6, json_object_size(key));
    assert_string_equal("RSA", sok_json_text(key, "kty", ""));
    assert_string_equal("RS256", sok_json_text(key, "alg", ""));
    assert_string_equal("sig", sok_json_text(key, "use", ""));
    assert_string_equal("AQAB", sok_json_text(key, "e", ""));
    assert_string_equal(sok_keys_signer(keys)->id, sok_json_text(key, "kid", ""));
    assert_int_equal(342, strlen(sok_json_text(key, "n", ""))); // 256 bytes
    sok_keys_close(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_start_makes_one_key_nobody_else_can_read, setup, teardown),
        cmocka_unit_test_setup_teardown(second_start_finds_the_same_key, setup, teardown),
        cmocka_unit_test_setup_teardown(newest_key_signs_and_older_ones_are_still_found, setup, teardown),
        cmocka_unit_test_setup_teardown(key_file_others_may_read_is_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(file_without_a_usable_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(jwks_shows_public_numbers_only, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
