// Jobs that failed for good: what they were, why they failed, and another try.
#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "backends/queue/queue.h"
#include "base/text.h"
#include "data/dead_letters.h"

static json_t *letter_json(const struct sok_dead_letter *letter)
{
    json_t *body = json_object();
    sok_json_set_text(body, "id", letter->id);
    sok_json_set_text(body, "task_id", letter->task_id);
    sok_json_set_text(body, "task_type", letter->task_type);
    json_object_set_new(body, "payload", sok_api_json_column(letter->payload)); // ids and a kind, no secrets
    sok_json_set_optional_text(body, "user_id", letter->user_id);
    sok_json_set_int(body, "tries", letter->tries);
    sok_json_set_optional_text(body, "error_code", letter->error_code);
    sok_json_set_optional_text(body, "error", letter->error_message);
    sok_json_set_time(body, "created_at", letter->created_at);
    sok_json_set_time(body, "retried_at", letter->retried_at);
    return body;
}

static enum sok_status read_filter(
    const struct sok_request *request, struct sok_dead_letters_filter *ret, struct sok_page *ret_page,
    struct sok_error *err)
{
    const char *retried = sok_request_query(request, "retried");
    struct sok_dead_letters_filter filter = {
        .task_type = sok_request_query(request, "task_type"),
        .only_retried = sok_text_eq(retried, "true"),
        .only_open = sok_text_eq(retried, "false")};
    if (filter.task_type && sok_job_find(filter.task_type) == SOK_JOB_COUNT)
        sok_fail_field(err, "task_type", "invalid", "must be search, download, score or monitor");
    if (retried && !filter.only_retried && !filter.only_open)
        sok_fail_field(err, "retried", "invalid", "must be true or false");
    SOK_TRY(sok_api_page(request, ret_page, err));
    *ret = filter;
    return SOK_OK;
}

enum sok_status sok_admin_dead_letters_page(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page;
    struct sok_page_info info;
    struct sok_dead_letters_filter filter;
    struct sok_dead_letter *letters;
    size_t count;
    SOK_TRY(read_filter(request, &filter, &page, err));
    SOK_TRY(sok_dead_letters_list(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, &filter, &page, &letters, &count,
        &info, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, letter_json(&letters[i]));
    sok_api_reply_list(request, list, &info);
    return SOK_OK;
}

struct retry {
    struct sok_request *request;
    const char *id;
    struct sok_dead_letter letter;
};

static enum sok_status write_retry(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct retry *retry = context;
    return sok_dead_letters_retry(
        tx, retry->request->arena, retry->id, sok_clock_now_ms(sok_api_of(retry->request)->clock),
        &retry->letter, err);
}

// A download that was cancelled before it failed runs again all the same.
static void publish_wish(struct sok_request *request, const struct sok_dead_letter *letter)
{
    if (!sok_text_eq(letter->task_type, sok_job_name(SOK_JOB_DOWNLOAD)))
        return;
    sok_queue_publish_event(
        sok_api_of(request)->queue,
        &(struct sok_event){
            .subject = "command.download",
            .user_id = "",
            .json =
                sok_format(request->arena, "{\"download_id\":\"%s\",\"wanted\":\"run\"}", letter->task_id)});
}

// Whose job it is sees it pending again.
static void announce(struct sok_request *request, const struct sok_dead_letter *letter)
{
    if (!letter->user_id)
        return;
    SOK_JSON_AUTO *data = json_object();
    sok_json_set_text(data, "task_id", letter->task_id);
    sok_json_set_text(data, "task_type", letter->task_type);
    sok_json_set_text(data, "status", "pending");
    sok_json_set_real(data, "progress", 0);
    sok_queue_publish_event(
        sok_api_of(request)->queue, &(struct sok_event){
                                        .subject = "task.updated",
                                        .user_id = letter->user_id,
                                        .json = sok_json_dump(request->arena, data)});
}

static void audit(struct sok_request *request, const struct sok_dead_letter *letter)
{
    SOK_JSON_AUTO *before = json_object();
    SOK_JSON_AUTO *after = json_object();
    sok_json_set_text(before, "status", "failed");
    sok_json_set_int(before, "tries", letter->tries);
    sok_json_set_text(before, "error", letter->error_message);
    sok_json_set_text(after, "status", "pending");
    sok_json_set_text(after, "task_id", letter->task_id);
    sok_json_set_text(after, "task_type", letter->task_type);
    sok_api_audit(
        request, "dead_letter.retry", "dead_letter", letter->id, sok_json_dump(request->arena, before),
        sok_json_dump(request->arena, after));
}

enum sok_status sok_admin_dead_letter_retry(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct retry retry = {.request = request};
    SOK_TRY(sok_api_param_id(request, "id", &retry.id, err));
    SOK_TRY(sok_db_write(api->db, write_retry, &retry, err));
    const struct sok_dead_letter *letter = &retry.letter;
    sok_queue_publish(api->queue, sok_job_find(letter->task_type), letter->task_id);
    publish_wish(request, letter);
    announce(request, letter);
    audit(request, letter);
    json_t *body = json_object();
    sok_json_set_text(body, "task_id", letter->task_id);
    sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/tasks/%s", letter->task_id));
    sok_reply_json(request, 202, body);
    return SOK_OK;
}
