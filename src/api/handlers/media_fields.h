// The fields of a work as a client sends them, and what is written down of a work when it changes.
#ifndef SOK_API_HANDLERS_MEDIA_FIELDS_H
#define SOK_API_HANDLERS_MEDIA_FIELDS_H

#include "api/api.h"
#include "data/media.h"

// Overwrites `media`, whose media_type is known, with the fields that the body has; null or "" takes a fact
// away. Every wrong field is noted in err. Texts are the body's.
void sok_media_fields_read(const struct sok_request *request, struct sok_media *media, struct sok_error *err);

// For the audit trail: all but id and times. A new reference.
json_t *sok_media_audit_json(const struct sok_media *media);

// Tells everybody that lists of works are not what they were: "added", "changed", "removed".
void sok_media_announce(const struct sok_request *request, const char *media_id, const char *change);

#endif
