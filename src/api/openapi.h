// The OpenAPI 3.1 document of the HTTP API: docs/api/openapi.json, embedded at build time.
#ifndef SOK_API_OPENAPI_H
#define SOK_API_OPENAPI_H

#include "base/embed.h"

// Never NULL; lives as long as the program.
const struct sok_embedded_file *sok_openapi_document(void);

#endif
