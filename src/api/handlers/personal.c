#include "api/handlers/personal.h"

#include "api/handlers/media_json.h"
#include "backends/queue/queue.h"
#include "base/rand.h"

const char *sok_personal_media_id(const struct sok_request *request, struct sok_error *err)
{
    const char *media_id = sok_api_text(request, "media_id", true, SOK_UUID_LEN, err);
    if (media_id && !sok_api_is_id(media_id)) {
        sok_fail_field(err, "media_id", "invalid", "is no id");
        return NULL;
    }
    return media_id;
}

enum sok_status sok_personal_append(
    const struct sok_request *request, json_t *list, json_t *entry_taken, const char *media_id,
    struct sok_error *err)
{
    SOK_JSON_AUTO *entry = entry_taken;
    struct sok_media media;
    struct sok_error failure = {0};
    enum sok_status status =
        sok_media_find(sok_db_reader(sok_api_of(request)->db), request->arena, media_id, &media, &failure);
    if (status == SOK_NOT_FOUND)
        return SOK_OK;
    if (status != SOK_OK) {
        *err = failure;
        return status;
    }
    json_object_set_new(entry, "media", sok_media_json(&media));
    json_array_append(list, entry);
    return SOK_OK;
}

void sok_personal_announce(
    const struct sok_request *request, const char *key, const char *id, const char *change)
{
    sok_queue_publish_event(
        sok_api_of(request)->queue,
        &(struct sok_event){
            .subject = "library.changed",
            .user_id = request->principal.user_id,
            .json = sok_format(request->arena, "{\"%s\":\"%s\",\"change\":\"%s\"}", key, id, change)});
}
