#include "api/upload.h"

#include "base/text.h"

enum sok_status sok_upload_begin(
    struct sok_request *request, const char *field, struct sok_upload *ret, struct sok_error *err)
{
    struct sok_uploads *uploads = sok_api_of(request)->uploads;
    bool is_body = request->upload_field && !*request->upload_field;
    if (!request->upload || !(is_body || sok_text_eq(request->upload_field, field))) {
        sok_fail_field(err, field, "required", "the file must come as the field %s", field);
        return SOK_INVALID;
    }
    if (request->upload_len > SOK_UPLOAD_BYTES_MAX)
        return sok_fail(err, SOK_TOO_LARGE, "the file is over the limit of %zu bytes", SOK_UPLOAD_BYTES_MAX);
    SOK_TRY(sok_uploads_enter(uploads, err));
    *ret = (struct sok_upload){request->upload, request->upload_len, uploads};
    return SOK_OK;
}

void sok_upload_end(struct sok_upload *upload)
{
    if (upload->uploads)
        sok_uploads_leave(upload->uploads);
    upload->uploads = NULL;
}
