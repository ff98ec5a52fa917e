#include "api/middleware/middleware.h"

#include <string.h>

#include "base/test.h"

#define PUBLIC "https://films.example.org:8443/sokoul"
#define NAMES "media.example.net, *.example.com"

static void names_nobody_can_buy_are_ours(void **state SOK_UNUSED)
{
    static const char *const ours[] = {
        NULL,
        "",
        "localhost",
        "localhost:3000",
        "LOCALHOST",
        "127.0.0.1",
        "127.0.0.1:3000",
        "192.168.1.7:80",
        "[::1]",
        "[::1]:3000",
        "[fe80::1]:1",
        "nas",
        "nas:3000",
        "nas.",
        "sokoul.local",
        "NAS.Local:3000",
        "nas.lan",
        "nas.home.arpa",
        "api.default.svc.cluster.local",
        "a.b.internal",
        "x.localhost",
        "sokoul.test",
        "8.8.8.8",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(ours); i++)
        if (!sok_host_is_ours(ours[i], NULL, NULL))
            fail_msg("refused: %s", ours[i]);
}

static void names_of_others_are_not(void **state SOK_UNUSED)
{
    static const char *const others[] = {
        "evil.example",
        "evil.example:3000",
        "evil.example.",
        "films.example.org",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:127.0.0.1",
        ".local",
        "evil.example/.local",
        "[evil.example]",
        "[127.0.0.1",
        "[]",
        "[::1].evil.example:1x",
        "1.2.3.4.5",
        "256.1.1.1",
        "local.example",
        "evillocal.example",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(others); i++)
        if (sok_host_is_ours(others[i], NULL, NULL))
            fail_msg("let in: %s", others[i]);
    char longest[1024];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(sok_host_is_ours(longest, NULL, "*.a"));
}

static void operators_names_are_ours(void **state SOK_UNUSED)
{
    static const char *const ours[] = {"films.example.org", "FILMS.example.org:3000", "films.example.org.",
                                       "media.example.net", "a.example.com",          "a.b.EXAMPLE.com:1"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(ours); i++)
        if (!sok_host_is_ours(ours[i], PUBLIC, NAMES))
            fail_msg("refused: %s", ours[i]);
    static const char *const others[] = {"example.com",       "xexample.com",        "a.media.example.net",
                                         "example.org",       "a.films.example.org", "media.example.ne",
                                         "media.example.nett"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(others); i++)
        if (sok_host_is_ours(others[i], PUBLIC, NAMES))
            fail_msg("let in: %s", others[i]);
    assert_true(sok_host_is_ours("evil.example", NULL, "nas.example.org,*"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_nobody_can_buy_are_ours),
        cmocka_unit_test(names_of_others_are_not),
        cmocka_unit_test(operators_names_are_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
