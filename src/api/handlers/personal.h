// What the handlers of a user's own lists of works share: history, favorites, watchlist, collections.
#ifndef SOK_API_HANDLERS_PERSONAL_H
#define SOK_API_HANDLERS_PERSONAL_H

#include "api/api.h"

// The body's media_id, or NULL with what is wrong with it noted in err.
const char *sok_personal_media_id(const struct sok_request *request, struct sok_error *err);

// Gives the entry its `media` and appends it to `list`; takes the entry. One whose work is deleted at the
// same time is left out.
SOK_MUST_CHECK enum sok_status sok_personal_append(
    const struct sok_request *request, json_t *list, json_t *entry_taken, const char *media_id,
    struct sok_error *err);

// Tells the caller's other clients: "library.changed" with the id under the name `key`.
void sok_personal_announce(
    const struct sok_request *request, const char *key, const char *id, const char *change);

#endif
