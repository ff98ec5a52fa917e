#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mailbox.h"
#include "base/text.h"
#include "base/time.h"
#include "net/mail.h"

#define MESSAGE_MAX ((size_t)1 << 20)
#define LINE_MAX_CHARS 76 // RFC 2045 section 6.7
#define WORD_MAX_CHARS 75 // RFC 2047 section 2

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

// RFC 2047's Q: letters and digits may stand for themselves, and here nothing does, so that it is right in
// every place of a header. A word ends before its line is too long, and never inside a character. `column`:
// what stands before it.
static void put_encoded_words(struct sok_buf *out, const char *text, size_t column)
{
    static const char begin[] = "=?utf-8?Q?";
    size_t used = column + strlen(begin);
    sok_buf_puts(out, begin);
    while (*text) {
        size_t len = 1;
        while (((unsigned char)text[len] & 0xc0) == 0x80)
            len++;
        if (used + 3 * len + strlen("?=") > WORD_MAX_CHARS) {
            sok_buf_printf(out, "?=\r\n %s", begin);
            used = 1 + strlen(begin);
        }
        for (size_t i = 0; i < len; i++, used += 3)
            sok_buf_printf(out, "=%02X", (unsigned char)text[i]);
        text += len;
    }
    sok_buf_puts(out, "?=");
}

static void put_name(struct sok_buf *out, const char *name)
{
    if (!is_plain(name)) {
        put_encoded_words(out, name, strlen("From: "));
        return;
    }
    sok_buf_puts(out, "\"");
    for (; *name; name++)
        sok_buf_printf(out, *name == '"' || *name == '\\' ? "\\%c" : "%c", *name);
    sok_buf_puts(out, "\"");
}

static void put_subject(struct sok_buf *out, const char *subject)
{
    // What looks like an encoded word must not be taken for one.
    if (is_plain(subject) && strlen(subject) <= LINE_MAX_CHARS - strlen("Subject: ") &&
        !strstr(subject, "=?"))
        sok_buf_puts(out, subject);
    else
        put_encoded_words(out, subject, strlen("Subject: "));
}

// RFC 2045 section 6.7: a blank at the end of a line would get lost, a long line be cut.
static void put_quoted_printable(struct sok_buf *out, const char *text)
{
    size_t used = 0;
    for (const char *at = text; *at; at++) {
        if (*at == '\n') {
            sok_buf_puts(out, "\r\n");
            used = 0;
            continue;
        }
        unsigned char byte = (unsigned char)*at;
        bool ends_line = at[1] == '\n' || !at[1];
        bool as_it_is = byte > ' ' && byte < 0x7f && byte != '=';
        as_it_is = as_it_is || (byte == ' ' && !ends_line);
        if (used + (as_it_is ? 1 : 3) > LINE_MAX_CHARS - 1) {
            sok_buf_puts(out, "=\r\n");
            used = 0;
        }
        sok_buf_printf(out, as_it_is ? "%c" : "=%02X", byte);
        used += as_it_is ? 1 : 3;
    }
    if (used)
        sok_buf_puts(out, "\r\n");
}

enum sok_status sok_mail_format(
    struct sok_arena *arena, const struct sok_mail *mail, const char *message_id, int64_t now_ms,
    const char **ret_message, size_t *ret_len, struct sok_error *err)
{
    struct sok_mailbox from, to;
    char date[30];
    SOK_TRY(sok_mailbox_parse(arena, mail->from, &from, err));
    SOK_TRY(sok_mailbox_parse(arena, mail->to, &to, err));
    if (!sok_utf8_is_line(mail->subject) || !sok_utf8_is_line(message_id) ||
        !sok_utf8_valid(mail->text, strlen(mail->text)))
        return sok_fail(err, SOK_INVALID, "a header of a mail is one line, its text is UTF-8");
    sok_time_format_http(now_ms, date);
    SOK_BUF_AUTO out;
    sok_buf_init(&out, MESSAGE_MAX);
    sok_buf_printf(&out, "Date: %.25s +0000\r\nFrom: ", date); // " GMT" is how it was once written
    if (*from.name) {
        put_name(&out, from.name);
        sok_buf_printf(&out, "\r\n ");
    }
    sok_buf_printf(&out, "<%s>\r\nTo: <%s>\r\n", from.address, to.address);
    sok_buf_printf(&out, "Message-ID: <%s@%s>\r\nSubject: ", message_id, strchr(from.address, '@') + 1);
    put_subject(&out, mail->subject);
    sok_buf_puts(
        &out, "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Content-Transfer-Encoding: quoted-printable\r\nAuto-Submitted: auto-generated\r\n\r\n");
    put_quoted_printable(&out, mail->text);
    if (out.overflow)
        return sok_fail(err, SOK_TOO_LARGE, "a mail of more than %zu bytes", MESSAGE_MAX);
    *ret_message = sok_strdup(arena, out.data);
    *ret_len = out.len;
    return SOK_OK;
}
