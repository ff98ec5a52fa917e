#include "cli/local.h"

#include <stdio.h>
#include <unistd.h>

#include "base/rand.h"
#include "base/text.h"
#include "data/audit.h"
#include "data/migrate.h"
#include "services/auth/keyfiles.h"
#include "services/backup/backup.h"

enum sok_status sok_local_config(struct sok_arena *arena, struct sok_config *ret, struct sok_error *err)
{
    const char *problems = "";
    enum sok_status status = sok_config_load(arena, NULL, environ, ret, &problems, err);
    if (status != SOK_OK && !sok_text_empty(problems))
        fprintf(stderr, "%s%s", problems, sok_text_ends(problems, "\n") ? "" : "\n");
    return status;
}

enum sok_status sok_local_open(struct sok_local *ret, struct sok_error *err)
{
    SOK_KEYFILES_AUTO keys = -1;
    int64_t applied = 0;
    *ret = (struct sok_local){.arena = sok_arena_new(0)};
    SOK_TRY(sok_local_config(ret->arena, &ret->config, err));
    SOK_TRY(sok_backup_settle(ret->config.data_dir, ret->config.database_url, err));
    SOK_TRY(sok_keyfiles_open(ret->config.data_dir, &keys, err)); // makes the data folder
    SOK_TRY(sok_db_open(ret->config.database_url, NULL, &ret->db, err));
    const char *snapshots = sok_format(ret->arena, "%s/snapshots", ret->config.data_dir);
    SOK_TRY(sok_migrate(ret->db, snapshots, sok_clock_now_ms(&sok_clock_system), &applied, err));
    return sok_auth_open(
        &(struct sok_auth_options){
            .data_dir = ret->config.data_dir,
            .db = ret->db,
            .clock = &sok_clock_system,
            .bcrypt_cost = ret->config.bcrypt_cost},
        &ret->auth, err);
}

void sok_local_close(struct sok_local *local)
{
    local->auth = sok_auth_close(local->auth);
    local->db = sok_db_close(local->db);
    local->arena = sok_arena_free(local->arena);
}

enum sok_status sok_local_user(
    struct sok_local *local, const char *name, struct sok_user *ret, struct sok_error *err)
{
    struct sok_db_tx *reader = sok_db_reader(local->db);
    if (name) {
        enum sok_status status = sok_users_find_login(reader, local->arena, name, ret, err);
        if (status == SOK_NOT_FOUND)
            return sok_fail(err, status, "there is no user \"%s\"; see sokoul user list", name);
        return status;
    }
    enum sok_status status = sok_users_find_admin(reader, local->arena, ret, err);
    if (status == SOK_NOT_FOUND)
        return sok_fail(
            err, status, "there is no admin yet: sokoul user add NAME --email ADDRESS --role admin");
    return status;
}

static enum sok_status write_entry(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_audit_insert(tx, context, err);
}

enum sok_status sok_local_audit(
    struct sok_local *local, const char *action, const char *resource, const char *resource_id,
    const char *new_value, struct sok_error *err)
{
    char id[SOK_UUID_LEN + 1];
    int64_t now_ms = sok_clock_now_ms(&sok_clock_system);
    sok_uuid7(now_ms, id);
    struct sok_audit entry = {
        .id = id,
        .action = action,
        .resource = resource,
        .resource_id = resource_id,
        .new_value = new_value,
        .created_at = now_ms,
    };
    return sok_db_write(local->db, write_entry, &entry, err);
}
