#include "api/middleware/middleware.h"

#include "backends/db/db.h"
#include "base/rand.h"
#include "data/audit.h"
#include "runtime/log.h"

static enum sok_status write_entry(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_audit_insert(tx, context, err);
}

void sok_api_audit_entry(struct sok_api *api, struct sok_audit *entry)
{
    char id[SOK_UUID_LEN + 1];
    struct sok_error err = {0};
    entry->created_at = sok_clock_now_ms(api->clock);
    sok_uuid7(entry->created_at, id);
    entry->id = id;
    sok_log(
        SOK_LOG_INFO, SOK_LOG_AUDIT, "audit", SOK_TEXT("action", entry->action),
        SOK_TEXT("resource", entry->resource), SOK_TEXT("resource_id", entry->resource_id),
        SOK_TEXT("user_id", entry->user_id), SOK_TEXT("ip", entry->ip_address));
    if (sok_db_write(api->db, write_entry, entry, &err) != SOK_OK)
        sok_log_error(SOK_LOG_ERROR, SOK_LOG_AUDIT, "an audit entry could not be written", &err);
    entry->id = NULL; // it was this call's
}

void sok_api_audit(
    struct sok_request *request, const char *action, const char *resource, const char *resource_id,
    const char *old_value, const char *new_value)
{
    struct sok_audit entry = {
        .user_id = request->principal.user_id,
        .action = action,
        .resource = resource,
        .resource_id = resource_id,
        .old_value = old_value,
        .new_value = new_value,
        .ip_address = request->client_ip,
        .request_id = request->request_id,
    };
    sok_api_audit_entry(sok_api_of(request), &entry);
}
