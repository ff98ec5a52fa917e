#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/local.h"
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
        struct sok_users_filter filter = {0};
        struct sok_user *users = NULL;
        size_t count = 0;
        SOK_TRY(sok_users_list(
            sok_db_reader(local->db), local->arena, &filter, &page, &users, &count, &info, err));
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

int sok_cli_user(int argc, char **argv)
{
    const char *email = NULL, *role = NULL, *words[2] = {NULL};
    const struct sok_cli_option options[] = {{"email", &email, NULL}, {"role", &role, NULL}};
    int count = sok_cli_parse("user", argc, argv, 1, options, SOK_ARRAY_LEN(options), words, 2);
    if (count < 0)
        return SOK_EXIT_USAGE;
    const char *action = words[0], *name = words[1];
    bool is_add = sok_text_eq(action, "add"), is_list = sok_text_eq(action, "list");
    bool is_passwd = sok_text_eq(action, "passwd"), is_enable = sok_text_eq(action, "enable");
    if (!is_add && !is_list && !is_passwd && !is_enable && !sok_text_eq(action, "disable"))
        return sok_cli_usage("user", "there is nothing called \"%s\" to do", action ? action : "");
    if (is_list ? name != NULL : name == NULL)
        return sok_cli_usage("user", "%s", is_list ? "list takes no name" : "a user name is needed");
    if (is_add && !email)
        return sok_cli_usage("user", "--email is needed");
    if (!is_add && (email || role))
        return sok_cli_usage("user", "--email and --role go with add");
    SOK_LOCAL_AUTO local = {0};
    struct sok_error err = {0};
    enum sok_status status = sok_local_open(&local, &err);
    if (status == SOK_OK) {
        if (is_add)
            status = add(&local, name, email, role, &err);
        else if (is_list)
            status = list(&local, &err);
        else if (is_passwd)
            status = passwd(&local, name, &err);
        else
            status = set_active(&local, name, is_enable, &err);
    }
    return status == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}
