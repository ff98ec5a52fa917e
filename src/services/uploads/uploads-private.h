// What the files behind uploads.h share.
#ifndef SOK_SERVICES_UPLOADS_PRIVATE_H
#define SOK_SERVICES_UPLOADS_PRIVATE_H

#include <stdatomic.h>

#include "services/uploads/uploads.h"

struct sok_uploads {
    char *clamd;   // NULL: none
    char *program; // NULL: the one beside us
    int avatars_fd;
    atomic_int at_work;
};

// One of SOK_UPLOADS_AT_ONCE places, to be given back; instant.
SOK_MUST_CHECK enum sok_status sok_uploads_enter(struct sok_uploads *uploads, struct sok_error *err);
void sok_uploads_leave(struct sok_uploads *uploads);

#endif
