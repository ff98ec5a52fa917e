// Works and files of the library as the API shows them, for every handler that answers with one.
#ifndef SOK_API_HANDLERS_MEDIA_JSON_H
#define SOK_API_HANDLERS_MEDIA_JSON_H

#include "base/json.h"
#include "data/history.h"
#include "data/media.h"
#include "data/media_files.h"
#include "net/http_server.h"

// New references, all that return json_t.
json_t *sok_media_json(const struct sok_media *media);
// Completes works that sok_media_json made: "available", whether there is a complete file (of a series: of an
// episode). Of each entry of the list the work under `key`, if it has one; NULL: the entries are the works.
SOK_MUST_CHECK enum sok_status sok_media_json_complete(
    const struct sok_request *request, json_t *list, const char *key, struct sok_error *err);
// The same of one work.
SOK_MUST_CHECK enum sok_status sok_media_json_complete_one(
    const struct sok_request *request, json_t *media, struct sok_error *err);
json_t *sok_media_file_json(const struct sok_media_file *file);
json_t *sok_watch_json(const struct sok_watch *watch);

#endif
