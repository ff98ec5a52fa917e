#include "services/auth/secretbox.h"

#include "base/test.h"
#include "services/auth/test_dir.h"

static struct sok_test_dir dir;
static struct sok_arena *arena;
static struct sok_secretbox *box;
static struct sok_error err;

static int setup(void **state SOK_UNUSED)
{
    sok_test_dir_make(&dir);
    arena = sok_arena_new(0);
    memset(&err, 0, sizeof(err));
    return sok_secretbox_open(dir.path, &box, &err) == SOK_OK ? 0 : -1;
}

static int teardown(void **state SOK_UNUSED)
{
    box = sok_secretbox_close(box);
    arena = sok_arena_free(arena);
    sok_test_dir_remove(dir.path);
    return 0;
}

static void secret_comes_back_also_after_a_restart(void **state SOK_UNUSED)
{
    const char *sealed = NULL, *again = NULL, *opened = NULL;
    assert_ok(sok_secretbox_seal(box, arena, "provider:1", "s3cret", &sealed, &err));
    assert_ok(sok_secretbox_seal(box, arena, "provider:1", "s3cret", &again, &err));
    assert_string_not_equal(sealed, again);
    assert_null(strstr(sealed, "s3cret"));
    box = sok_secretbox_close(box);
    assert_ok(sok_secretbox_open(dir.path, &box, &err));
    assert_ok(sok_secretbox_unseal(box, arena, "provider:1", sealed, &opened, &err));
    assert_string_equal("s3cret", opened);
}

static void empty_and_longest_secret_fit_and_longer_is_refused(void **state SOK_UNUSED)
{
    char longest[SOK_SECRET_MAX_BYTES + 2];
    const char *sealed = NULL, *opened = NULL;
    memset(longest, 'x', sizeof(longest));
    longest[SOK_SECRET_MAX_BYTES + 1] = '\0';
    assert_int_equal(SOK_TOO_LARGE, sok_secretbox_seal(box, arena, "a", longest, &sealed, &err));
    longest[SOK_SECRET_MAX_BYTES] = '\0';
    assert_ok(sok_secretbox_seal(box, arena, "a", longest, &sealed, &err));
    assert_ok(sok_secretbox_unseal(box, arena, "a", sealed, &opened, &err));
    assert_string_equal(longest, opened);
    assert_ok(sok_secretbox_seal(box, arena, "a", "", &sealed, &err));
    assert_ok(sok_secretbox_unseal(box, arena, "a", sealed, &opened, &err));
    assert_string_equal("", opened);
}

static void changed_moved_and_foreign_text_does_not_open(void **state SOK_UNUSED)
{
    const char *sealed = NULL, *opened = NULL;
    assert_ok(sok_secretbox_seal(box, arena, "provider:1", "s3cret", &sealed, &err));
    assert_int_equal(SOK_INVALID, sok_secretbox_unseal(box, arena, "provider:2", sealed, &opened, &err));
    for (size_t i = 0; i < strlen(sealed); i++) {
        char *changed = sok_strdup(arena, sealed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        if (i + 1 < strlen(sealed)) // the last letter has bits that mean nothing
            assert_int_equal(
                SOK_INVALID, sok_secretbox_unseal(box, arena, "provider:1", changed, &opened, &err));
    }
    static const char *const foreign[] = {"", "v1.", "v2.AAAA", "v1.AAAA", "v1.!!!!", "s3cret"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(foreign); i++)
        assert_int_equal(
            SOK_INVALID, sok_secretbox_unseal(box, arena, "provider:1", foreign[i], &opened, &err));
    assert_null(opened);
}

static void another_folder_has_another_key(void **state SOK_UNUSED)
{
    struct sok_test_dir other;
    struct sok_secretbox *foreign = NULL;
    const char *sealed = NULL, *opened = NULL;
    sok_test_dir_make(&other);
    assert_ok(sok_secretbox_open(other.path, &foreign, &err));
    assert_ok(sok_secretbox_seal(box, arena, "a", "s3cret", &sealed, &err));
    assert_int_equal(SOK_INVALID, sok_secretbox_unseal(foreign, arena, "a", sealed, &opened, &err));
    unsigned char one[32], two[32], three[32];
    sok_secretbox_derive(box, "stream-urls", one);
    sok_secretbox_derive(foreign, "stream-urls", two);
    sok_secretbox_derive(box, "other", three);
    assert_memory_not_equal(one, two, 32);
    assert_memory_not_equal(one, three, 32);
    sok_secretbox_close(foreign);
    sok_test_dir_remove(other.path);
}

static void addresses_are_sealed_and_old_ones_stay_readable(void **state SOK_UNUSED)
{
    const char *stored = NULL, *url = NULL;
    assert_ok(sok_secretbox_seal_url(box, arena, "http://x/dl?apikey=K3Y", &stored, &err));
    assert_null(strstr(stored, "K3Y"));
    assert_ok(sok_secretbox_open_url(box, arena, stored, &url, &err));
    assert_string_equal("http://x/dl?apikey=K3Y", url);
    assert_ok(sok_secretbox_open_url(box, arena, "http://x/old", &url, &err));
    assert_string_equal("http://x/old", url);
    assert_ok(sok_secretbox_seal_url(box, arena, NULL, &stored, &err));
    assert_null(stored);
    assert_int_equal(SOK_INVALID, sok_secretbox_open_url(box, arena, "v1.AAAA", &url, &err));
}

static void key_file_of_wrong_length_or_mode_is_refused_by_name(void **state SOK_UNUSED)
{
    struct sok_secretbox *broken = NULL;
    char keys_dir[128];
    snprintf(keys_dir, sizeof(keys_dir), "%s/keys", dir.path);
    sok_test_dir_write(keys_dir, "secret.key", "short", 0600);
    assert_int_equal(SOK_INVALID, sok_secretbox_open(dir.path, &broken, &err));
    assert_non_null(strstr(err.message, "secret.key"));
    sok_test_dir_write(keys_dir, "secret.key", "0123456789abcdef0123456789abcdef", 0640);
    assert_int_equal(SOK_INVALID, sok_secretbox_open(dir.path, &broken, &err));
    assert_non_null(strstr(err.message, "chmod"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(secret_comes_back_also_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_and_longest_secret_fit_and_longer_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(changed_moved_and_foreign_text_does_not_open, setup, teardown),
        cmocka_unit_test_setup_teardown(another_folder_has_another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(addresses_are_sealed_and_old_ones_stay_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(key_file_of_wrong_length_or_mode_is_refused_by_name, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
