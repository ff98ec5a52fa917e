#include "net/mail.h"

#include <string.h>

#include "base/test.h"
#include "base/text.h"

#define NOW INT64_C(1795000000000) // 2026-11-18T11:06:40Z

static enum sok_status format(struct sok_arena *arena, const struct sok_mail *mail, const char **ret)
{
    struct sok_error err = {0};
    size_t len = 0;
    enum sok_status status = sok_mail_format(arena, mail, "0190", NOW, ret, &len, &err);
    if (status == SOK_OK)
        assert_int_equal(strlen(*ret), len);
    return status;
}

static void message_is_as_rfc_5322_wants_it(void **state SOK_UNUSED)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *message = NULL;
    struct sok_mail mail = {
        .from = "Films \"at\" home <films@example.org>",
        .to = "ada@example.org",
        .subject = "A new password",
        .text = "Hello\n.\nhttp://x/reset?token=abc\n"};
    assert_ok(format(arena, &mail, &message));
    assert_string_equal(
        "Date: Wed, 18 Nov 2026 11:06:40 +0000\r\n"
        "From: \"Films \\\"at\\\" home\"\r\n <films@example.org>\r\n"
        "To: <ada@example.org>\r\n"
        "Message-ID: <0190@example.org>\r\n"
        "Subject: A new password\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "\r\n"
        "Hello\r\n.\r\nhttp://x/reset?token=3Dabc\r\n",
        message);
}

static void no_line_is_too_long_and_all_of_it_is_ascii(void **state SOK_UNUSED)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char text[3000] = "";
    const char *message = NULL;
    for (size_t i = 0; i + 4 < sizeof(text); i += 3)
        memcpy(text + i, i % 5 ? "\xe2\x82\xac" : "ab ", 4);
    struct sok_mail mail = {
        .from = sok_format(arena, "%.120s <a@example.org>", text),
        .to = "ada@example.org",
        .subject = sok_strndup(arena, text, 300),
        .text = text};
    assert_ok(format(arena, &mail, &message));
    for (const char *line = message, *end; *line; line = end + 2) {
        end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_in_range(end - line, 0, 76);
        for (const char *at = line; at < end; at++)
            assert_in_range(*at, ' ', '~');
        assert_true(end == line || end[-1] != ' ');
    }
    assert_null(strstr(message, "=E2?=")); // no word ends inside a character
}

static void nothing_gets_into_the_headers(void **state SOK_UNUSED)
{
    static const char *const wrong[] = {
        "a@example.org\r\nBcc: b@example.org",
        "a@example.org\nX: y",
        "a\r@example.org",
        "a@b@c",
        "a",
        "@b",
        "a@",
        "a@b,c@d",
        "a b@example.org",
        "a@example.org>",
        "<a@example.org",
        "Name <a@example.org>\r\nX: y",
        "N\nX: y <a@example.org>",
        "a@\xff",
        "",
        "<>",
        "\x01@example.org",
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *message = NULL;
    struct sok_mail good = {"a@example.org", "b@example.org", "s", "t"};
    assert_ok(format(arena, &good, &message));
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++) {
        struct sok_mail to = good, from = good;
        to.to = from.from = wrong[i];
        if (format(arena, &to, &message) != SOK_INVALID || format(arena, &from, &message) != SOK_INVALID)
            fail_msg("row %zu: %s", i, wrong[i]);
    }
    struct sok_mail subject = good;
    subject.subject = "s\r\nBcc: c@example.org";
    assert_int_equal(SOK_INVALID, format(arena, &subject, &message));
    subject.subject = "=?utf-8?Q?x?=";
    assert_ok(format(arena, &subject, &message));
    assert_non_null(strstr(message, "\r\nSubject: =?utf-8?Q?=3D=3F"));
}

static void server_that_is_not_there_is_unavailable(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_mail mail = {"a@example.org", "b@example.org", "s", "t"};
    struct sok_mail_server server = {.url = "smtp://user:hidden@127.0.0.1:1"};
    assert_int_equal(SOK_UNAVAILABLE, sok_mail_send(&server, &mail, NOW, 5000, NULL, &err));
    assert_non_null(strstr(err.message, "127.0.0.1"));
    assert_null(strstr(err.message, "hidden"));
    _Atomic bool cancelled = true;
    assert_int_not_equal(SOK_OK, sok_mail_send(&server, &mail, NOW, 5000, &cancelled, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_is_as_rfc_5322_wants_it),
        cmocka_unit_test(no_line_is_too_long_and_all_of_it_is_ascii),
        cmocka_unit_test(nothing_gets_into_the_headers),
        cmocka_unit_test(server_that_is_not_there_is_unavailable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
