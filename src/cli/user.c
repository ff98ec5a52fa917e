#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/local.h"
#include "data/api_keys.h"
#include "services/auth/people.h"

static enum sok_status add(
    struct sok_local *local, const char *name, const char *email, const char *role, struct sok_error *err)
{
    const char *password = NULL;
    struct sok_user user;
    SOK_TRY(sok_cli_read_secret(local->arena, "Password: ", true, &password, err));
    struct sok_new_account account = {.username = name, .email = email, .password = password, .role = role};
    enum sok_status status = sok_accounts_create(&local->auth->accounts, local->arena, &account, &user, err);
    sok_wipe((char *)password, strlen(password));
    SOK_TRY(status);
    SOK_TRY(sok_local_audit(
        local, "register", "user", user.id,
        sok_format(local->arena, "{\"username\":\"%s\",\"role\":\"%s\"}", user.username, user.role), err));
    printf("Added %s (%s).\n", user.username, user.role);
    return SOK_OK;
}

static enum sok_status list(struct sok_local *local, struct sok_error *err)
{
    struct sok_page page = {.page = 1, .per_page = SOK_PAGE_MAX};
    struct sok_page_info info = {0};
    printf("%-32s  %-9s  %-8s  %-24s  %s\n", "NAME", "ROLE", "STATE", "LAST LOGIN", "EMAIL");
    do {
        struct sok_user *users = NULL;
        size_t count = 0;
        SOK_TRY(sok_users_list(sok_db_reader(local->db), local->arena, &page, &users, &count, &info, err));
        for (size_t i = 0; i < count; i++) {
            char at[SOK_TIME_TEXT] = "never";
            if (users[i].last_login_at)
                sok_time_format(users[i].last_login_at, at);
            printf(
                "%-32s  %-9s  %-8s  %-24s  %s\n", users[i].username, users[i].role,
                users[i].is_active ? "active" : "disabled", at, sok_cli_clean(local->arena, users[i].email));
        }
        page.cursor = info.next_cursor;
    } while (page.cursor);
    return SOK_OK;
}

static enum sok_status passwd(struct sok_local *local, const char *name, struct sok_error *err)
{
    const char *password = NULL;
    struct sok_user user;
    SOK_TRY(sok_local_user(local, name, &user, err));
    SOK_TRY(sok_cli_read_secret(local->arena, "New password: ", true, &password, err));
    enum sok_status status = sok_accounts_set_password(&local->auth->accounts, user.id, NULL, password, err);
    sok_wipe((char *)password, strlen(password));
    SOK_TRY(status);
    SOK_TRY(sok_session_end_user(local->auth->sessions, user.id, NULL, "password_changed", err));
    SOK_TRY(sok_local_audit(local, "password_changed", "user", user.id, NULL, err));
    printf("The password of %s is changed; all sessions have ended.\n", user.username);
    return SOK_OK;
}

static enum sok_status set_active(
    struct sok_local *local, const char *name, bool active, struct sok_error *err)
{
    struct sok_user user;
    SOK_TRY(sok_local_user(local, name, &user, err));
    struct sok_user before;
    struct sok_person_edit edit = {.enable = active, .disable = !active};
    SOK_TRY(sok_person_change(local->auth, local->arena, user.id, &edit, &before, &user, err));
    if (before.is_active != active)
        SOK_TRY(sok_local_audit(
            local, active ? "user.enable" : "user.disable", "user", user.id,
            active ? "{\"is_active\":true}" : "{\"is_active\":false}", err));
    printf("%s is %s.\n", user.username, active ? "active" : "disabled; all sessions have ended");
    return SOK_OK;
}

static enum sok_status set_role(
    struct sok_local *local, const char *name, const char *role, struct sok_error *err)
{
    struct sok_user user, before;
    struct sok_person_edit edit = {.role = role};
    if (!sok_role_is_known(role))
        return sok_fail(err, SOK_INVALID, "a role is user, moderator or admin");
    SOK_TRY(sok_local_user(local, name, &user, err));
    SOK_TRY(sok_person_change(local->auth, local->arena, user.id, &edit, &before, &user, err));
    if (!sok_text_eq(before.role, role))
        SOK_TRY(sok_local_audit(
            local, "user.role", "user", user.id, sok_format(local->arena, "{\"role\":\"%s\"}", role), err));
    printf("%s was %s and is %s.\n", user.username, before.role, user.role);
    return SOK_OK;
}

static enum sok_status keys(struct sok_local *local, const char *name, struct sok_error *err)
{
    struct sok_user user;
    struct sok_api_key *list = NULL;
    size_t count = 0;
    SOK_TRY(sok_local_user(local, name, &user, err));
    SOK_TRY(sok_api_keys_list(sok_db_reader(local->db), local->arena, user.id, &list, &count, err));
    printf("%-14s  %-24s  %-24s  %-24s  %s\n", "BEGINS WITH", "MADE", "LAST USED", "EXPIRES", "NAME");
    for (size_t i = 0; i < count; i++) {
        char made[SOK_TIME_TEXT], used[SOK_TIME_TEXT] = "never", expires[SOK_TIME_TEXT] = "never";
        sok_time_format(list[i].created_at, made);
        if (list[i].last_used_at)
            sok_time_format(list[i].last_used_at, used);
        if (list[i].expires_at)
            sok_time_format(list[i].expires_at, expires);
        printf(
            "%-14s  %-24s  %-24s  %-24s  %s\n", list[i].prefix, made, used, expires,
            sok_cli_clean(local->arena, list[i].name));
    }
    return SOK_OK;
}

// The account is marked as changed, which is what a running server looks at.
static enum sok_status revoke_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct sok_user *user = context;
    SOK_TRY(sok_api_keys_delete_of_user(tx, user->id, err));
    return sok_users_set_active(tx, user->id, user->is_active, sok_clock_now_ms(&sok_clock_system), err);
}

static enum sok_status revoke(struct sok_local *local, const char *name, struct sok_error *err)
{
    struct sok_user user;
    SOK_TRY(sok_local_user(local, name, &user, err));
    SOK_TRY(sok_db_write(local->db, revoke_body, &user, err));
    SOK_TRY(sok_session_end_user(local->auth->sessions, user.id, NULL, "revoked", err));
    SOK_TRY(sok_local_audit(local, "user.revoke", "user", user.id, NULL, err));
    printf("All sessions and API keys of %s have ended.\n", user.username);
    return SOK_OK;
}

static enum sok_status enable(struct sok_local *local, const char *name, struct sok_error *err)
{
    return set_active(local, name, true, err);
}

static enum sok_status disable(struct sok_local *local, const char *name, struct sok_error *err)
{
    return set_active(local, name, false, err);
}

// What is done to an account that is there.
static const struct {
    const char *name;
    enum sok_status (*run)(struct sok_local *local, const char *name, struct sok_error *err);
} actions[] = {
    {"passwd", passwd}, {"enable", enable}, {"disable", disable}, {"keys", keys}, {"revoke", revoke}};

struct call {
    const char *action, *name, *third, *email, *role;
};

// What is wrong with the words, or NULL.
static const char *check_call(const struct call *call)
{
    bool is_add = sok_text_eq(call->action, "add"), is_list = sok_text_eq(call->action, "list");
    bool is_role = sok_text_eq(call->action, "role"), known = is_add || is_list || is_role;
    for (size_t i = 0; i < SOK_ARRAY_LEN(actions); i++)
        known = known || sok_text_eq(call->action, actions[i].name);
    if (!known)
        return "add, list, passwd, role, enable, disable, keys or revoke is needed";
    if (is_list ? call->name != NULL : call->name == NULL)
        return is_list ? "list takes no name" : "a user name is needed";
    if (is_role != (call->third != NULL))
        return is_role ? "role needs a name and a role" : "that is one word too many";
    if (is_add && !call->email)
        return "--email is needed";
    return !is_add && (call->email || call->role) ? "--email and --role go with add" : NULL;
}

static enum sok_status run(struct sok_local *local, const struct call *call, struct sok_error *err)
{
    if (sok_text_eq(call->action, "add"))
        return add(local, call->name, call->email, call->role, err);
    if (sok_text_eq(call->action, "list"))
        return list(local, err);
    if (sok_text_eq(call->action, "role"))
        return set_role(local, call->name, call->third, err);
    for (size_t i = 0; i < SOK_ARRAY_LEN(actions); i++)
        if (sok_text_eq(call->action, actions[i].name))
            return actions[i].run(local, call->name, err);
    return SOK_INTERNAL;
}

int sok_cli_user(int argc, char **argv)
{
    const char *words[3] = {NULL};
    struct call call = {0};
    const struct sok_cli_option options[] = {{"email", &call.email, NULL}, {"role", &call.role, NULL}};
    int count = sok_cli_parse("user", argc, argv, 1, options, SOK_ARRAY_LEN(options), words, 3);
    if (count < 0)
        return SOK_EXIT_USAGE;
    call.action = words[0];
    call.name = words[1];
    call.third = words[2];
    const char *wrong = check_call(&call);
    if (wrong)
        return sok_cli_usage("user", "%s", wrong);
    SOK_LOCAL_AUTO local = {0};
    struct sok_error err = {0};
    enum sok_status status = sok_local_open(&local, &err);
    if (status == SOK_OK)
        status = run(&local, &call, &err);
    return status == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}
