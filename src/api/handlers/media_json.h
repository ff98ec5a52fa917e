// Works and files of the library as the API shows them, for every handler that answers with one.
#ifndef SOK_API_HANDLERS_MEDIA_JSON_H
#define SOK_API_HANDLERS_MEDIA_JSON_H

#include "base/json.h"
#include "data/history.h"
#include "data/media.h"
#include "data/media_files.h"

// New references, all three.
json_t *sok_media_json(const struct sok_media *media);
json_t *sok_media_file_json(const struct sok_media_file *file);
json_t *sok_watch_json(const struct sok_watch *watch);

#endif
