#include "services/providers/store.h"

#include <string.h>

#include "base/rand.h"
#include "base/text.h"
#include "base/uri.h"
#include "net/url.h"
#include "services/providers/registry.h"

#define PRIORITY_DEFAULT 100

struct put {
    const struct sok_provider_store *store;
    struct sok_arena *arena;
    const struct sok_provider_edit *edit;
    const char *id;         // NULL: a new row
    struct sok_error noted; // what the caller found wrong already
    struct sok_provider row;
};

static const char *purpose_of(struct sok_arena *arena, const char *id)
{
    return sok_format(arena, "provider:%s", id); // as registry.c opens it
}

// The key as it will be: the new one, or the one the row holds. A key that cannot be opened any more counts
// as none.
static const char *key_of(const struct put *put)
{
    const char *key = NULL;
    const struct sok_bytes *sealed = &put->row.key_encrypted;
    if (put->edit->api_key)
        return sok_text_empty(put->edit->api_key) ? NULL : put->edit->api_key;
    if (sealed->len == 0 || sok_secretbox_unseal(
                                put->store->box, put->arena, purpose_of(put->arena, put->row.id),
                                sok_strndup(put->arena, sealed->data, sealed->len), &key, NULL) != SOK_OK)
        return NULL;
    return key;
}

// Indexers show their Torznab URL with the key in it. Such a key goes where keys go, sealed, and out of the
// URL, which is shown.
static void take_key_from_url(struct sok_arena *arena, struct sok_provider_edit *edit)
{
    struct sok_url url;
    struct sok_uri_param *params = NULL;
    size_t count = 0;
    if (!edit->base_url || sok_url_parse(arena, edit->base_url, &url, NULL) != SOK_OK || !url.query ||
        !sok_uri_parse_query(arena, url.query, &params, &count))
        return;
    const char *key = NULL, *rest = sok_strndup(arena, url.text, strcspn(url.text, "?"));
    for (size_t i = 0; i < count; i++)
        if (sok_text_eq_nocase(params[i].name, "apikey"))
            key = params[i].value;
        else
            rest = sok_url_with(arena, rest, params[i].name, params[i].value);
    if (!key)
        return;
    edit->base_url = rest;
    if (sok_text_empty(edit->api_key))
        edit->api_key = key;
}

static void overlay(struct put *put)
{
    const struct sok_provider_edit *edit = put->edit;
    struct sok_provider *row = &put->row;
    if (edit->name)
        row->name = edit->name;
    if (edit->kind)
        row->kind = edit->kind;
    if (edit->base_url)
        row->url = edit->base_url;
    if (edit->enabled >= 0)
        row->is_enabled = edit->enabled;
    if (edit->priority >= 0)
        row->priority = edit->priority;
}

static enum sok_status check_and_seal(struct put *put, struct sok_error *err)
{
    struct sok_provider *row = &put->row;
    struct sok_provider_instance checked;
    struct sok_provider_config config = {
        .id = row->id,
        .kind = row->kind ? row->kind : "",
        .name = row->name,
        .base_url = row->url,
        .api_key = key_of(put),
        .enabled = row->is_enabled,
        .priority = row->priority > 1000 ? 1001 : (int)row->priority,
    };
    struct sok_error found = put->noted;
    if (sok_provider_config_check(put->arena, &config, &checked, &found) != SOK_OK) {
        *err = found;
        return found.status;
    }
    row->name = checked.config.name;
    row->url = checked.config.base_url;
    if (put->edit->api_key) {
        const char *sealed = NULL;
        if (config.api_key)
            SOK_TRY(sok_secretbox_seal(
                put->store->box, put->arena, purpose_of(put->arena, row->id), config.api_key, &sealed, err));
        row->key_encrypted = (struct sok_bytes){sealed, sealed ? strlen(sealed) : 0};
    }
    return SOK_OK;
}

static enum sok_status check_room(struct sok_db_tx *tx, struct sok_arena *arena, struct sok_error *err)
{
    struct sok_provider *rows;
    size_t count;
    SOK_TRY(sok_providers_list(tx, arena, false, &rows, &count, err));
    if (count < SOK_PROVIDER_ROWS_MAX)
        return SOK_OK;
    return sok_fail(
        err, SOK_CONFLICT, "there are %d providers already, which is the most: remove one first",
        SOK_PROVIDER_ROWS_MAX);
}

static enum sok_status put_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct put *put = context;
    int64_t now = sok_clock_now_ms(put->store->clock);
    if (put->id) {
        SOK_TRY(sok_providers_find(tx, put->arena, put->id, &put->row, err));
        if (put->edit->seen_updated_at && put->edit->seen_updated_at != put->row.updated_at)
            return sok_fail(err, SOK_PRECONDITION, "the provider was changed at the same time");
    } else {
        char id[SOK_UUID_LEN + 1];
        sok_uuid7(now, id);
        put->row = (struct sok_provider){
            .id = sok_strdup(put->arena, id),
            .is_enabled = true,
            .priority = PRIORITY_DEFAULT,
            .settings = "{}",
            .created_at = now};
    }
    put->row.updated_at = now > put->row.updated_at ? now : put->row.updated_at + 1;
    overlay(put);
    SOK_TRY(check_and_seal(put, err));
    if (!put->id)
        SOK_TRY(check_room(tx, put->arena, err));
    return put->id ? sok_providers_update(tx, &put->row, err) : sok_providers_insert(tx, &put->row, err);
}

enum sok_status sok_provider_store_put(
    const struct sok_provider_store *store, struct sok_arena *arena, const char *id,
    const struct sok_provider_edit *edit, struct sok_provider *ret, struct sok_error *err)
{
    struct sok_provider_edit own = *edit;
    take_key_from_url(arena, &own);
    struct put put = {.store = store, .arena = arena, .edit = &own, .id = id};
    if (err && err->field_count)
        put.noted = *err;
    SOK_TRY(sok_db_write(store->db, put_body, &put, err));
    *ret = put.row;
    return SOK_OK;
}

static enum sok_status remove_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_providers_delete(tx, context, err);
}

enum sok_status sok_provider_store_remove(
    const struct sok_provider_store *store, const char *id, struct sok_error *err)
{
    return sok_db_write(store->db, remove_body, (void *)id, err);
}
