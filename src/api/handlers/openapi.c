// GET /openapi.json: the API's own description, the same for everybody.
#include "api/openapi.h"

#include "api/handlers/handlers.h"
#include "base/text.h"

extern const struct sok_embedded_file sok_openapi_files[];

const struct sok_embedded_file *sok_openapi_document(void)
{
    return &sok_openapi_files[0];
}

enum sok_status sok_openapi_get(struct sok_request *request, struct sok_error *err SOK_UNUSED)
{
    const struct sok_embedded_file *document = sok_openapi_document();
    sok_reply_header(request, "ETag", sok_format(request->arena, "\"%.32s\"", document->sha256));
    sok_reply_header(request, "Cache-Control", "no-cache"); // kept, but asked about
    sok_reply_bytes(request, 200, "application/json", document->bytes, document->len, true);
    return SOK_OK;
}
