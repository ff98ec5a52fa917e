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

#endif
