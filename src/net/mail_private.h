// What mail.c and mail_format.c share.
#ifndef SOK_NET_MAIL_PRIVATE_H
#define SOK_NET_MAIL_PRIVATE_H

#include "net/mail.h"

struct sok_mailbox {
    const char *name, *address; // name "": none
};

// "a@example.org" or "Name <a@example.org>"; SOK_INVALID for anything that is no address or could end a line.
SOK_MUST_CHECK enum sok_status sok_mailbox_parse(
    struct sok_arena *arena, const char *text, struct sok_mailbox *ret, struct sok_error *err);

#endif
