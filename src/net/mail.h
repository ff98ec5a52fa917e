// One mail through a mail server: the message as RFC 5322 wants it, sent by libcurl's SMTP (RFC 5321).
//
// smtps:// is TLS from the first byte. smtp:// takes STARTTLS (RFC 3207) when the server offers it; with a
// user name in the URL it must, unless the server is this machine: a password never crosses a network in
// clear. A certificate that cannot be trusted (self-signed, another name) is refused, never ignored; ca_file
// names what else to trust.
#ifndef SOK_NET_MAIL_H
#define SOK_NET_MAIL_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct sok_mail_server {
    const char *url;     // smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…
    const char *ca_file; // PEM certificates to trust in place of the system's; NULL: the system's
};

struct sok_mail {
    const char *from;    // "a@example.org" or "Name <a@example.org>"
    const char *to;      // an address alone
    const char *subject; // one line of UTF-8
    const char *text;    // UTF-8, lines end with '\n'
};

// The whole message, lines ending with CRLF: Date, From, To, Message-ID, Subject, and the text as
// quoted-printable UTF-8 (RFC 2045, 2047). SOK_INVALID when an address is none or a header would hold a line
// break. Pure.
SOK_MUST_CHECK enum sok_status sok_mail_format(
    struct sok_arena *arena, const struct sok_mail *mail, const char *message_id, int64_t now_ms,
    const char **ret_message, size_t *ret_len, struct sok_error *err);

// Formats and sends it. Blocks for at most timeout_ms, and stops within a second once *cancelled (may be
// NULL) is true. SOK_UNAVAILABLE, SOK_TIMEOUT: trying again may help (no connection, a 4xx answer);
// SOK_DENIED: it will not (the certificate, the password, a 5xx answer); SOK_INVALID as above; SOK_CANCELLED.
// Messages name the host alone.
SOK_MUST_CHECK enum sok_status sok_mail_send(
    const struct sok_mail_server *server, const struct sok_mail *mail, int64_t now_ms, int64_t timeout_ms,
    const _Atomic bool *cancelled, struct sok_error *err);

#endif
