// Downloads: POST /downloads/start makes the row and the job and answers at once; workers/hunter.c does the
// work. The row's `wanted` says what the user asked for; "command.download" tells the hunter to look.
#include <string.h>

#include "api/handlers/handlers.h"
#include "api/idempotent.h"
#include "api/upload.h"
#include "backends/queue/queue.h"
#include "base/rand.h"
#include "base/text.h"
#include "data/downloads.h"
#include "data/media.h"
#include "data/search_results.h"
#include "data/searches.h"
#include "data/tasks.h"
#include "domain/infohash.h"
#include "services/auth/auth.h"
#include "services/torrent/download_view.h"

#define URL_MAX 4096

struct start { // one POST /downloads/start, for the write transaction
    struct sok_request *request;
    struct sok_idempotent idempotent;
    int64_t max_live;
    struct sok_download row;
    const char *existing_id, *existing_status; // the same torrent is there already
    const char *reply;
};

// --- Where it comes from: exactly one of five.

static enum sok_status use_hash(
    struct start *start, const char *text, const char *field, struct sok_error *err)
{
    struct sok_arena *arena = start->request->arena;
    char *key = sok_alloc(arena, SOK_TORRENT_KEY_LEN + 1);
    struct sok_error why = {0};
    if (sok_torrent_key(arena, text, key, &why) != SOK_OK) {
        sok_fail_field(err, field, "invalid", "%.100s", why.message);
        return SOK_INVALID;
    }
    start->row.info_hash = key;
    if (!start->row.title)
        start->row.title = sok_format(arena, "Torrent %.8s", key);
    return SOK_OK;
}

static enum sok_status use_magnet(struct start *start, const char *link, struct sok_error *err)
{
    struct sok_arena *arena = start->request->arena;
    struct sok_magnet magnet;
    struct sok_error why = {0};
    if (sok_magnet_parse(arena, link, &magnet, &why) != SOK_OK) {
        sok_fail_field(err, "magnet_link", "invalid", "%.100s", why.message);
        return SOK_INVALID;
    }
    if (!start->row.title && !sok_text_empty(magnet.name))
        start->row.title = magnet.name;
    start->row.magnet_link = sok_magnet_format(arena, &magnet);
    return use_hash(start, sok_magnet_hash(&magnet), "magnet_link", err);
}

static enum sok_status use_url(struct start *start, const char *url, struct sok_error *err)
{
    if (sok_magnet_is(url))
        return use_magnet(start, url, err);
    if (!sok_text_starts(url, "http://") && !sok_text_starts(url, "https://")) {
        sok_fail_field(err, "torrent_url", "invalid", "must be an http or https URL");
        return SOK_INVALID;
    }
    const char *host = strstr(url, "://") + 3;
    if (memchr(host, '@', strcspn(host, "/?#"))) { // it would stand in titles and logs
        sok_fail_field(err, "torrent_url", "invalid", "must not carry a name and password");
        return SOK_INVALID;
    }
    SOK_TRY(sok_secretbox_seal_url(
        sok_api_of(start->request)->auth->secretbox, start->request->arena, url, &start->row.torrent_url,
        err));
    if (!start->row.title)
        start->row.title =
            sok_format(start->request->arena, "Torrent from %.*s", (int)strcspn(host, "/?#@"), host);
    return SOK_OK;
}

static enum sok_status use_upload(struct start *start, struct sok_error *err)
{
    struct sok_torrent_info info;
    struct sok_upload upload;
    SOK_TRY(sok_upload_take(start->request, "torrent", &upload, err));
    enum sok_status status = sok_torrent_inspect(start->request->arena, upload.bytes, upload.len, &info, err);
    if (status == SOK_INVALID) { // its own code and sentence stay; the field is named beside them
        struct sok_error why = *err;
        sok_fail_field(err, "torrent", why.code ? why.code : "invalid", "%.100s", why.message);
        err->code = why.code;
        memcpy(err->message, why.message, sizeof(err->message));
    }
    SOK_TRY(status);
    start->row.torrent = (struct sok_bytes){upload.bytes, upload.len};
    start->row.title = info.name;
    start->row.size_bytes = info.size_bytes;
    return use_hash(start, info.key, "torrent", err);
}

static enum sok_status no_result(struct sok_error *err)
{
    sok_fail_field(err, "search_result_id", "not_found", "there is no such result among your searches");
    return SOK_INVALID;
}

// The magnet link with all trackers that any of the merged sources named.
static const char *result_magnet(struct sok_arena *arena, const struct sok_search_result *result)
{
    struct sok_magnet magnet;
    const char *link = result->magnet_link ? result->magnet_link
                                           : sok_format(arena, "magnet:?xt=urn:btih:%s", result->info_hash);
    if (sok_magnet_parse(arena, link, &magnet, NULL) != SOK_OK)
        return link;
    SOK_JSON_AUTO *trackers = sok_api_json_column(result->trackers);
    const char **all =
        sok_alloc_array(arena, magnet.tracker_count + json_array_size(trackers), sizeof(const char *));
    if (magnet.tracker_count)
        memcpy(all, magnet.trackers, magnet.tracker_count * sizeof(const char *));
    size_t i;
    const json_t *tracker;
    json_array_foreach(trackers, i, tracker)
    {
        bool is_there = !json_is_string(tracker);
        for (size_t k = 0; k < magnet.tracker_count && !is_there; k++)
            is_there = sok_text_eq(all[k], json_string_value(tracker));
        if (!is_there && magnet.tracker_count < SOK_MAGNET_LIST_MAX)
            all[magnet.tracker_count++] = sok_strdup(arena, json_string_value(tracker));
    }
    magnet.trackers = all;
    return sok_magnet_format(arena, &magnet);
}

static enum sok_status use_result(struct start *start, int64_t id, struct sok_error *err)
{
    struct sok_request *request = start->request;
    struct sok_db_tx *tx = sok_db_reader(sok_api_of(request)->db);
    struct sok_search_result result;
    struct sok_search search;
    enum sok_status status = sok_search_results_find(tx, request->arena, id, &result, err);
    if (status == SOK_OK)
        status = sok_searches_find(tx, request->arena, result.search_id, &search, err);
    if (status == SOK_NOT_FOUND ||
        (status == SOK_OK && !sok_text_eq(search.user_id, request->principal.user_id))) {
        *err = (struct sok_error){0};
        return no_result(err);
    }
    SOK_TRY(status);
    start->row.search_result_id = id;
    start->row.title = result.title;
    start->row.media_id = result.media_id;
    start->row.size_bytes = result.size_bytes > 0 ? result.size_bytes : 0;
    if (result.magnet_link || (result.info_hash && !result.download_url))
        return use_magnet(start, result_magnet(request->arena, &result), err);
    if (!result.download_url || !sok_text_eq(result.protocol, "torrent")) {
        sok_fail_field(err, "search_result_id", "unsupported", "this result names no torrent");
        return SOK_INVALID;
    }
    if (result.info_hash)
        SOK_TRY(use_hash(start, result.info_hash, "search_result_id", err));
    const char *url = NULL;
    SOK_TRY(sok_secretbox_open_url(
        sok_api_of(request)->auth->secretbox, request->arena, result.download_url, &url, err));
    return use_url(start, url, err);
}

static bool has_field(const struct sok_request *request, const char *field)
{
    const json_t *value = json_object_get(request->json, field);
    return value && !json_is_null(value);
}

static const char *const sources[] = {"search_result_id", "magnet_link", "info_hash", "torrent_url"};

// More than one is given: each of them is wrong, one way or another. Or none: the usual one is missing.
static enum sok_status refuse_sources(
    const struct sok_request *request, const char *code, struct sok_error *err)
{
    static const char wanted[] =
        "give exactly one of search_result_id, magnet_link, info_hash, torrent_url or the file torrent";
    for (size_t i = 0; i < SOK_ARRAY_LEN(sources); i++)
        if (has_field(request, sources[i]))
            sok_fail_field(err, sources[i], code, "%s", wanted);
    if (request->upload)
        sok_fail_field(err, "torrent", code, "%s", wanted);
    if (!err->field_count)
        sok_fail_field(err, "magnet_link", code, "%s", wanted);
    return SOK_INVALID;
}

static enum sok_status read_source(struct start *start, struct sok_error *err)
{
    struct sok_request *request = start->request;
    int given = request->upload != NULL;
    const char *which = NULL;
    for (size_t i = 0; i < SOK_ARRAY_LEN(sources); i++) {
        if (!has_field(request, sources[i]))
            continue;
        given++;
        which = sources[i];
    }
    if (given != 1)
        return refuse_sources(request, given ? "conflict" : "required", err);
    if (!which)
        return use_upload(start, err);
    if (sok_text_eq(which, "search_result_id")) {
        int64_t id = sok_api_int(request, which, 1, INT64_MAX, 0, err);
        return id < 1 ? err->status : use_result(start, id, err);
    }
    const char *text =
        sok_api_text(request, which, true, sok_text_eq(which, "torrent_url") ? URL_MAX : SOK_MAGNET_MAX, err);
    if (!text)
        return err->status;
    text = sok_text_trim(request->arena, text);
    if (sok_text_eq(which, "magnet_link"))
        return use_magnet(start, text, err);
    return sok_text_eq(which, "info_hash") ? use_hash(start, text, which, err) : use_url(start, text, err);
}

static enum sok_status read_media(struct start *start, struct sok_error *err)
{
    struct sok_request *request = start->request;
    const char *id = sok_api_text(request, "media_id", false, SOK_UUID_LEN, err);
    struct sok_media media;
    if (!id)
        return SOK_OK;
    enum sok_status status =
        sok_api_is_id(id)
            ? sok_media_find(sok_db_reader(sok_api_of(request)->db), request->arena, id, &media, err)
            : SOK_NOT_FOUND;
    if (status == SOK_NOT_FOUND) {
        *err = (struct sok_error){0};
        sok_fail_field(err, "media_id", "not_found", "there is no such media");
        return SOK_INVALID;
    }
    start->row.media_id = id;
    return status;
}

// Where it comes from and what it belongs to: each is looked at with an error of its own, then what is wrong
// with both is put together. `begun`: how the Idempotency-Key was found, noted in err.
static enum sok_status read_input(struct start *start, enum sok_status begun, struct sok_error *err)
{
    struct sok_error source = {0}, media = {0};
    enum sok_status found = read_source(start, &source);
    if (found != SOK_OK && found != SOK_INVALID) {
        *err = source;
        return found;
    }
    enum sok_status known = read_media(start, &media);
    if (known != SOK_OK && known != SOK_INVALID) {
        *err = media;
        return known;
    }
    if (begun == SOK_OK && found == SOK_OK && !media.field_count)
        return SOK_OK;
    if (!err->field_count)
        *err = found == SOK_OK ? media : source; // with its own code and sentence
    (void)sok_fail_fields(err, &source);
    return sok_fail_fields(err, &media);
}

// --- Writing it.

static enum sok_status find_existing(struct sok_db_tx *tx, struct start *start, struct sok_error *err)
{
    struct sok_download old;
    start->existing_id = NULL;
    if (!start->row.info_hash)
        return SOK_OK;
    enum sok_status status = sok_downloads_find_live(
        tx, start->request->arena, start->row.user_id, start->row.info_hash, &old, err);
    if (status == SOK_NOT_FOUND) {
        *err = (struct sok_error){0};
        return SOK_OK;
    }
    SOK_TRY(status);
    start->existing_id = old.id;
    start->existing_status = old.status;
    return SOK_OK;
}

static enum sok_status check_limit(struct sok_db_tx *tx, const struct start *start, struct sok_error *err)
{
    int64_t live;
    if (start->max_live <= 0)
        return SOK_OK;
    SOK_TRY(sok_downloads_count_live(tx, start->row.user_id, &live, err));
    if (live < start->max_live)
        return SOK_OK;
    enum sok_status status = sok_fail(
        err, SOK_LIMITED, "at most %lld downloads may run at once; wait for one to end or cancel it",
        (long long)start->max_live);
    err->code = "too_many_downloads";
    err->retry_after_s = 60;
    return status;
}

static enum sok_status insert_job(struct sok_db_tx *tx, const struct start *start, struct sok_error *err)
{
    const struct sok_request *request = start->request;
    const struct sok_download *row = &start->row;
    SOK_TRY(sok_downloads_insert(tx, row, err));
    struct sok_task task = {
        .id = row->id,
        .task_type = sok_job_name(SOK_JOB_DOWNLOAD),
        .payload = sok_format(request->arena, "{\"download_id\":\"%s\"}", row->id),
        .user_id = row->user_id,
        .media_id = row->media_id,
        .request_id = request->request_id,
        .traceparent = request->traceparent,
        .run_at = row->created_at,
        .created_at = row->created_at,
        .updated_at = row->created_at,
    };
    return sok_tasks_insert(tx, &task, err);
}

static enum sok_status write_start(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct start *start = context;
    SOK_TRY(find_existing(tx, start, err));
    if (!start->existing_id) {
        SOK_TRY(check_limit(tx, start, err));
        SOK_TRY(insert_job(tx, start, err));
    }
    start->reply = sok_format(
        start->request->arena, "{\"download_id\":\"%s\",\"status\":\"%s\"}",
        start->existing_id ? start->existing_id : start->row.id,
        start->existing_id ? start->existing_status : start->row.status);
    return sok_idempotent_keep(tx, &start->idempotent, start->existing_id ? 200 : 202, start->reply, err);
}

static void fill_row(struct start *start)
{
    struct sok_request *request = start->request;
    struct sok_download *row = &start->row;
    char *id = sok_alloc(request->arena, SOK_UUID_LEN + 1);
    int64_t now_ms = sok_clock_now_ms(sok_api_of(request)->clock);
    sok_uuid7(now_ms, id);
    row->id = id;
    row->user_id = request->principal.user_id;
    row->wanted = "run";
    row->status = "queued";
    row->eta_seconds = -1;
    row->created_at = row->updated_at = now_ms;
}

enum sok_status sok_downloads_start(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct start start = {.request = request, .max_live = api->config->max_downloads_per_user};
    bool replied;
    enum sok_status begun = sok_idempotent_begin(request, &start.idempotent, &replied, err);
    if (replied || (begun != SOK_OK && begun != SOK_INVALID))
        return begun;
    SOK_TRY(read_input(&start, begun, err));
    fill_row(&start);
    enum sok_status status = sok_db_write(api->db, write_start, &start, err);
    if (status == SOK_CONFLICT && sok_text_eq(err->code, "idempotency_race")) {
        SOK_TRY(sok_idempotent_begin(request, &start.idempotent, &replied, err));
        return replied ? SOK_OK : status;
    }
    if (status == SOK_LIMITED)
        sok_metric_add(api->metrics, SOK_METRIC_API_LIMITED, 1, SOK_LIMIT_DOWNLOADS, 0, 0);
    SOK_TRY(status);
    const char *id = start.existing_id ? start.existing_id : start.row.id;
    if (!start.existing_id)
        sok_queue_publish(api->queue, SOK_JOB_DOWNLOAD, id);
    sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/downloads/%s", id));
    sok_reply_json(request, start.existing_id ? 200 : 202, sok_api_json_column(start.reply));
    return SOK_OK;
}

// --- Looking.

// Whether the session may know more than the row: it was begun, and the hunter has not ended it yet. What is
// queued anew may have the torrent of somebody else running.
static bool is_in_session(const struct sok_request *request, const struct sok_download *row)
{
    return sok_api_of(request)->torrents && row->info_hash && row->save_path &&
           !sok_text_eq(row->status, "completed") && !sok_text_eq(row->status, "failed") &&
           !sok_text_eq(row->status, "cancelled");
}

// What the session says now is newer than the row, which is written every few seconds. What a command has
// stopped is shown at rest, though its last bytes may be coming in.
static void refresh(struct sok_request *request, struct sok_download *row)
{
    struct sok_torrent_status status;
    if (is_in_session(request, row) &&
        sok_torrent_status(sok_api_of(request)->torrents, request->arena, row->info_hash, &status, NULL) ==
            SOK_OK)
        sok_download_refresh(row, &status);
    if (sok_download_is_running(row))
        return;
    row->download_speed = row->upload_speed = 0;
    if (!sok_text_eq(row->status, "completed"))
        row->eta_seconds = -1;
}

static void refresh_files(
    struct sok_request *request, const struct sok_download *row, struct sok_download_file *files,
    size_t count)
{
    struct sok_torrent_file *now;
    size_t now_count;
    if (!is_in_session(request, row) ||
        sok_torrent_files(
            sok_api_of(request)->torrents, request->arena, row->info_hash, &now, &now_count, NULL) != SOK_OK)
        return;
    for (size_t i = 0; i < count; i++)
        if (files[i].file_index >= 0 && (size_t)files[i].file_index < now_count)
            files[i].downloaded_bytes = now[files[i].file_index].done_bytes;
}

static enum sok_status load_own(struct sok_request *request, struct sok_download *ret, struct sok_error *err)
{
    const char *id;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    SOK_TRY(sok_downloads_find(sok_db_reader(sok_api_of(request)->db), request->arena, id, ret, err));
    if (!sok_text_eq(ret->user_id, request->principal.user_id))
        return sok_fail(err, SOK_NOT_FOUND, "no such download");
    return SOK_OK;
}

static enum sok_status reply_download(
    struct sok_request *request, struct sok_download *row, struct sok_error *err)
{
    struct sok_download_file *files;
    size_t count;
    SOK_TRY(sok_download_files_list(
        sok_db_reader(sok_api_of(request)->db), request->arena, row->id, &files, &count, err));
    refresh(request, row);
    refresh_files(request, row, files, count);
    if (!files)
        files = sok_alloc(request->arena, 0);
    sok_reply_json(request, 200, sok_download_to_json(row, files, count));
    return SOK_OK;
}

enum sok_status sok_downloads_get(struct sok_request *request, struct sok_error *err)
{
    struct sok_download row;
    SOK_TRY(load_own(request, &row, err));
    return reply_download(request, &row, err);
}

enum sok_status sok_downloads_page(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page;
    struct sok_page_info info;
    struct sok_download *rows;
    size_t count;
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_downloads_list(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, request->principal.user_id, &page,
        &rows, &count, &info, err));
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        refresh(request, &rows[i]);
        json_array_append_new(items, sok_download_to_json(&rows[i], NULL, 0));
    }
    sok_api_reply_list(request, items, &info);
    return SOK_OK;
}

// --- Commands.

struct command {
    struct sok_request *request;
    const struct sok_download *row;
    const char *wanted;
    bool delete_files;
    int64_t now_ms;
};

// A job that nobody has begun ends here and now; what runs, or ran, is the hunter's to end.
static enum sok_status cancel(struct sok_db_tx *tx, const struct command *command, struct sok_error *err)
{
    const struct sok_download *row = command->row;
    struct sok_task task;
    enum sok_status status = sok_tasks_find(tx, command->request->arena, row->id, &task, err);
    bool is_untouched = status == SOK_OK && sok_text_eq(task.status, "pending") && !row->save_path;
    if (status == SOK_NOT_FOUND) {
        *err = (struct sok_error){0};
        return SOK_OK;
    }
    SOK_TRY(status);
    if (!is_untouched)
        return SOK_OK;
    SOK_TRY(sok_tasks_cancel(tx, row->id, command->now_ms, err));
    return sok_downloads_set_status(tx, row->id, "cancelled", NULL, command->now_ms, err);
}

static enum sok_status write_command(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct command *command = context;
    const struct sok_download *row = command->row;
    SOK_TRY(
        sok_downloads_set_wanted(tx, row->id, command->wanted, command->delete_files, command->now_ms, err));
    if (sok_text_eq(command->wanted, "cancelled"))
        return cancel(tx, command, err);
    const char *status = sok_text_eq(command->wanted, "paused") ? "paused"
                         : row->imported_at                     ? "seeding"
                                                                : "queued";
    return sok_downloads_set_status(tx, row->id, status, NULL, command->now_ms, err);
}

// Who else looks sees it at once; a hunter that is away could not say so.
static void publish_cancelled(struct sok_request *request, const struct sok_download *row)
{
    SOK_JSON_AUTO *data = sok_download_to_json(row, NULL, 0);
    sok_json_set_text(data, "download_id", row->id);
    sok_queue_publish_event(
        sok_api_of(request)->queue, &(struct sok_event){
                                        .subject = "download.progress",
                                        .user_id = row->user_id,
                                        .json = sok_json_dump(request->arena, data)});
}

static enum sok_status run_command(struct sok_request *request, const char *wanted, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_download row;
    SOK_TRY(load_own(request, &row, err));
    struct command command = {
        .request = request,
        .row = &row,
        .wanted = wanted,
        .delete_files = sok_text_eq(wanted, "cancelled") && sok_api_query_bool(request, "delete_files", err),
        .now_ms = sok_clock_now_ms(api->clock),
    };
    if (err->field_count)
        return err->status;
    SOK_TRY(sok_db_write(api->db, write_command, &command, err));
    struct sok_event event = {
        .subject = "command.download",
        .user_id = "",
        .json = sok_format(request->arena, "{\"download_id\":\"%s\",\"wanted\":\"%s\"}", row.id, wanted)};
    sok_queue_publish_event(api->queue, &event);
    SOK_TRY(load_own(request, &row, err));
    SOK_TRY(reply_download(request, &row, err));
    if (sok_text_eq(wanted, "cancelled"))
        publish_cancelled(request, &row);
    return SOK_OK;
}

enum sok_status sok_downloads_pause(struct sok_request *request, struct sok_error *err)
{
    return run_command(request, "paused", err);
}

enum sok_status sok_downloads_resume(struct sok_request *request, struct sok_error *err)
{
    return run_command(request, "run", err);
}

enum sok_status sok_downloads_cancel(struct sok_request *request, struct sok_error *err)
{
    return run_command(request, "cancelled", err);
}
