// A mail address, with or without a name, as people write it.
#ifndef SOK_BASE_MAILBOX_H
#define SOK_BASE_MAILBOX_H

#include "base/arena.h"
#include "base/status.h"

struct sok_mailbox {
    const char *name, *address; // name "": none
};

// "a@example.org" or "Name <a@example.org>"; SOK_INVALID for anything that is no address or could end a line.
SOK_MUST_CHECK enum sok_status sok_mailbox_parse(
    struct sok_arena *arena, const char *text, struct sok_mailbox *ret, struct sok_error *err);

#endif
