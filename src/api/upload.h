// The one way for a handler to get at an uploaded file: looked at by the scanner before anything else sees
// it.
#ifndef SOK_API_UPLOAD_H
#define SOK_API_UPLOAD_H

#include "api/api.h"

struct sok_upload {
    const char *bytes; // the request's
    size_t len;
};

// The file that came as the multipart field `field`, or as the whole body. SOK_INVALID naming the field when
// there is none, SOK_TOO_LARGE over SOK_UPLOAD_BYTES_MAX or over what the scanner takes, SOK_INVALID (code
// "upload_infected", audited), SOK_UNAVAILABLE (codes "scanner_unavailable", "overloaded"). Blocks: for
// routes of the slow lane.
SOK_MUST_CHECK enum sok_status sok_upload_take(
    struct sok_request *request, const char *field, struct sok_upload *ret, struct sok_error *err);

#endif
