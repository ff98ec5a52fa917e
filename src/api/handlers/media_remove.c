// A work goes, and with it, when that is asked for, what lies in the library of it.
#include <string.h>

#include "api/handlers/handlers.h"
#include "api/handlers/media_fields.h"
#include "api/middleware/middleware.h"
#include "base/text.h"
#include "data/media_files.h"
#include "services/library/library.h"

struct removal {
    struct sok_request *request;
    struct sok_media media;
    struct sok_media *episodes; // of a series
    size_t episode_count;
    bool with_files;
};

static bool goes_too(const struct removal *removal, const char *media_id)
{
    for (size_t i = 0; i < removal->episode_count; i++)
        if (sok_text_eq(removal->episodes[i].id, media_id))
            return true;
    return sok_text_eq(removal->media.id, media_id);
}

// A file that holds a work that stays (a double episode) stays.
static enum sok_status is_shared(
    const struct removal *removal, const char *file_path, bool *ret, struct sok_error *err)
{
    struct sok_request *request = removal->request;
    struct sok_media_file *rows;
    size_t count;
    SOK_TRY(sok_media_files_list_path(
        sok_db_reader(sok_api_of(request)->db), request->arena, file_path, &rows, &count, err));
    *ret = false;
    for (size_t i = 0; i < count; i++)
        *ret |= !goes_too(removal, rows[i].media_id);
    return SOK_OK;
}

static enum sok_status remove_files_of(
    const struct removal *removal, const char *media_id, struct sok_error *err)
{
    struct sok_request *request = removal->request;
    struct sok_api *api = sok_api_of(request);
    struct sok_media_file *rows;
    size_t count;
    SOK_TRY(sok_media_files_list(sok_db_reader(api->db), request->arena, media_id, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool shared;
        SOK_TRY(is_shared(removal, rows[i].file_path, &shared, err));
        if (!shared)
            SOK_TRY(sok_library_remove_film(api->library, request->arena, rows[i].file_path, err));
    }
    return SOK_OK;
}

static enum sok_status remove_files(const struct removal *removal, struct sok_error *err)
{
    SOK_TRY(remove_files_of(removal, removal->media.id, err));
    for (size_t i = 0; i < removal->episode_count; i++)
        SOK_TRY(remove_files_of(removal, removal->episodes[i].id, err));
    return SOK_OK;
}

static enum sok_status load(struct removal *removal, struct sok_error *err)
{
    struct sok_request *request = removal->request;
    struct sok_db_tx *tx = sok_db_reader(sok_api_of(request)->db);
    const char *id;
    removal->with_files = sok_api_query_bool(request, "delete_files", err);
    if (err->field_count)
        return err->status;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    SOK_TRY(sok_media_find(tx, request->arena, id, &removal->media, err));
    SOK_TRY(sok_api_check_version(
        request, sok_api_version(request, removal->media.id, removal->media.updated_at), err));
    if (!sok_text_eq(removal->media.media_type, SOK_MEDIA_TV))
        return SOK_OK;
    return sok_media_list_episodes(
        tx, request->arena, id, -1, &removal->episodes, &removal->episode_count, err);
}

static enum sok_status write_delete(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_media_delete(tx, ((const struct removal *)context)->media.id, err);
}

enum sok_status sok_media_remove(struct sok_request *request, struct sok_error *err)
{
    struct removal removal = {.request = request};
    SOK_TRY(load(&removal, err));
    if (removal.with_files)
        SOK_TRY(remove_files(&removal, err));
    SOK_TRY(sok_db_write(sok_api_of(request)->db, write_delete, &removal, err));
    sok_media_announce(request, removal.media.id, "removed");
    json_t *old_value = sok_media_audit_json(&removal.media);
    sok_json_set_bool(old_value, "delete_files", removal.with_files);
    sok_api_audit_change(request, "media.delete", "media", removal.media.id, old_value, NULL);
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}
