// Accounts of others. Admins list, change and delete them; moderators see numbers and names, no mail
// addresses.
#include <string.h>

#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "backends/queue/queue.h"
#include "base/text.h"
#include "base/time.h"
#include "data/user_stats.h"
#include "services/auth/people.h"
#include "services/uploads/uploads.h"

#define MONTHS 12

static json_t *person_json(const struct sok_user *user)
{
    json_t *body = sok_auth_user_json(user);
    sok_json_set_time(body, "last_login_at", user->last_login_at);
    return body;
}

// --- Looking.

static enum sok_status list_people(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page;
    struct sok_page_info info;
    struct sok_user *users = NULL;
    size_t count = 0;
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_users_list(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, &page, &users, &count, &info, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, person_json(&users[i]));
    sok_api_reply_list(request, list, &info);
    return SOK_OK;
}

// The first moment of the month of `at_ms`.
static int64_t month_start(int64_t at_ms)
{
    char text[SOK_TIME_TEXT];
    int64_t start = 0;
    sok_time_format(at_ms, text);
    memcpy(text + 8, "01", sizeof("01")); // "2026-11-01", and nothing behind it
    return sok_time_parse(text, &start) ? start : at_ms;
}

// The accounts made in each of the last months, the oldest first.
static enum sok_status add_months(
    struct sok_request *request, json_t *statistics, int64_t now_ms, struct sok_error *err)
{
    json_t *list = json_array();
    int64_t to = now_ms + 1, from = month_start(now_ms);
    json_object_set_new(statistics, "new_per_month", list);
    for (int i = 0; i < MONTHS; i++) {
        char text[SOK_TIME_TEXT];
        int64_t count;
        SOK_TRY(sok_users_count_new(sok_db_replica_reader(sok_api_of(request)->db), from, to, &count, err));
        sok_time_format(from, text);
        json_t *month = json_object();
        json_object_set_new(month, "month", json_stringn(text, 7));
        sok_json_set_int(month, "count", count);
        json_array_insert_new(list, 0, month);
        to = from;
        from = month_start(from - 1);
    }
    return SOK_OK;
}

static enum sok_status load_statistics(struct sok_request *request, json_t *body, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_user_totals totals;
    int64_t now_ms = sok_clock_now_ms(api->clock);
    SOK_TRY(sok_user_totals_load(sok_db_replica_reader(api->db), now_ms, &totals, err));
    json_t *statistics = json_object(), *roles = json_object(), *seen = json_object();
    json_object_set_new(body, "statistics", statistics);
    sok_json_set_int(statistics, "total", totals.total);
    sok_json_set_int(statistics, "active", totals.active);
    json_object_set_new(statistics, "by_role", roles);
    sok_json_set_int(roles, "user", totals.users);
    sok_json_set_int(roles, "moderator", totals.moderators);
    sok_json_set_int(roles, "admin", totals.admins);
    json_object_set_new(statistics, "signed_in", seen);
    sok_json_set_int(seen, "day", totals.seen_day);
    sok_json_set_int(seen, "week", totals.seen_week);
    sok_json_set_int(seen, "month", totals.seen_month);
    return add_months(request, statistics, now_ms, err);
}

static json_t *activity_json(const struct sok_user_activity *user)
{
    json_t *body = json_object();
    sok_json_set_text(body, "id", user->id);
    sok_json_set_text(body, "username", user->username);
    sok_json_set_text(body, "role", user->role);
    sok_json_set_bool(body, "is_active", user->is_active);
    sok_json_set_time(body, "created_at", user->created_at);
    sok_json_set_time(body, "last_login_at", user->last_login_at);
    sok_json_set_int(body, "downloads", user->downloads);
    sok_json_set_int(body, "searches", user->searches);
    return body;
}

static enum sok_status show_statistics(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page;
    struct sok_page_info info;
    struct sok_user_activity *users = NULL;
    size_t count = 0;
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_user_activity_list(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, &page, &users, &count, &info, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, activity_json(&users[i]));
    SOK_JSON_AUTO *body = sok_api_list_json(list, &info);
    SOK_TRY(load_statistics(request, body, err));
    sok_reply_json(request, 200, json_incref(body));
    return SOK_OK;
}

enum sok_status sok_admin_users_list(struct sok_request *request, struct sok_error *err)
{
    return request->principal.role == SOK_USER_ADMIN ? list_people(request, err)
                                                     : show_statistics(request, err);
}

static void reply_person(struct sok_request *request, const struct sok_user *user)
{
    sok_reply_header(request, "ETag", sok_api_version(request, user->id, user->updated_at));
    sok_reply_json(request, 200, person_json(user));
}

static enum sok_status load_person(
    const struct sok_request *request, struct sok_user *ret, struct sok_error *err)
{
    const char *id;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    return sok_users_find(sok_db_reader(sok_api_of(request)->db), request->arena, id, ret, err);
}

enum sok_status sok_admin_user_get(struct sok_request *request, struct sok_error *err)
{
    struct sok_user user;
    SOK_TRY(load_person(request, &user, err));
    reply_person(request, &user);
    return SOK_OK;
}

// --- Changing.

static enum sok_status change_person(
    struct sok_request *request, struct sok_person_edit *edit, struct sok_user *ret_before,
    struct sok_user *ret_after, struct sok_error *err)
{
    struct sok_user user;
    SOK_TRY(load_person(request, &user, err));
    if (sok_request_header(request, "If-Match")) {
        SOK_TRY(sok_api_check_version(request, sok_api_version(request, user.id, user.updated_at), err));
        edit->seen_updated_at = user.updated_at;
    }
    return sok_person_change(
        sok_api_of(request)->auth, request->arena, user.id, edit, ret_before, ret_after, err);
}

enum sok_status sok_admin_user_role(struct sok_request *request, struct sok_error *err)
{
    struct sok_user before, after;
    struct sok_person_edit edit = {.role = sok_api_text(request, "role", true, 32, err)};
    if (edit.role && !sok_role_is_known(edit.role))
        sok_fail_field(err, "role", "invalid", "user, moderator or admin");
    if (err->field_count)
        return err->status;
    SOK_TRY(change_person(request, &edit, &before, &after, err));
    if (!sok_text_eq(before.role, after.role))
        sok_api_audit(
            request, "user.role", "user", after.id,
            sok_format(request->arena, "{\"role\":\"%s\"}", before.role),
            sok_format(request->arena, "{\"role\":\"%s\"}", after.role));
    reply_person(request, &after);
    return SOK_OK;
}

enum sok_status sok_admin_user_change(struct sok_request *request, struct sok_error *err)
{
    struct sok_user before, after;
    const json_t *active = json_object_get(request->json, "is_active");
    struct sok_person_edit edit = {.enable = json_is_true(active), .disable = json_is_false(active)};
    if (active && !json_is_boolean(active)) {
        sok_fail_field(err, "is_active", "wrong_type", "must be true or false");
        return err->status;
    }
    SOK_TRY(change_person(request, &edit, &before, &after, err));
    if (before.is_active != after.is_active)
        sok_api_audit(
            request, after.is_active ? "user.enable" : "user.disable", "user", after.id,
            before.is_active ? "{\"is_active\":true}" : "{\"is_active\":false}",
            after.is_active ? "{\"is_active\":true}" : "{\"is_active\":false}");
    reply_person(request, &after);
    return SOK_OK;
}

enum sok_status sok_admin_user_delete(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_user user;
    const char *id;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    SOK_TRY(sok_person_delete(api->auth, request->arena, id, &user, err));
    sok_avatar_remove(api->uploads, user.avatar_url);
    sok_queue_publish_event(
        api->queue, &(struct sok_event){.subject = "command.download", .user_id = "", .json = "{}"});
    SOK_JSON_AUTO *was = json_object();
    sok_json_set_text(was, "username", user.username);
    sok_json_set_text(was, "role", user.role);
    sok_json_set_bool(was, "is_active", user.is_active);
    sok_api_audit(request, "user.delete", "user", user.id, sok_json_dump(request->arena, was), NULL);
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}
