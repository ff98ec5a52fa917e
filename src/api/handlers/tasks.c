// Any job of the caller's: how far it is, and why it failed.
#include "data/tasks.h"
#include "api/handlers/handlers.h"
#include "base/text.h"

enum sok_status sok_task_get(struct sok_request *request, struct sok_error *err)
{
    const char *id;
    struct sok_task task;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    SOK_TRY(sok_tasks_find(sok_db_reader(sok_api_of(request)->db), request->arena, id, &task, err));
    bool own = sok_text_eq(task.user_id, request->principal.user_id);
    if (!own && request->principal.role != SOK_USER_ADMIN)
        return sok_fail(err, SOK_NOT_FOUND, "no such task");
    json_t *body = json_object();
    sok_json_set_text(body, "id", task.id);
    sok_json_set_text(body, "task_type", task.task_type);
    sok_json_set_text(body, "status", task.status);
    sok_json_set_real(body, "progress", task.progress);
    sok_json_set_int(body, "retry_count", task.retry_count);
    sok_json_set_optional_text(body, "error", task.error_message);
    sok_json_set_optional_text(body, "media_id", task.media_id);
    json_object_set_new(body, "result", task.result ? sok_api_json_column(task.result) : json_null());
    sok_json_set_time(body, "created_at", task.created_at);
    sok_json_set_time(body, "updated_at", task.updated_at);
    sok_json_set_time(body, "finished_at", task.finished_at);
    sok_reply_json(request, 200, body);
    return SOK_OK;
}
