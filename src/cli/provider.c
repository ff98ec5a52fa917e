#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/local.h"
#include "services/providers/registry.h"
#include "services/providers/store.h"

struct options {
    const char *action, *name, *kind, *url, *priority;
};

static struct sok_provider_store store_of(struct sok_local *local)
{
    return (struct sok_provider_store){local->db, local->auth->secretbox, &sok_clock_system};
}

static enum sok_status add(
    struct sok_local *local, const struct options *o, int64_t priority, struct sok_error *err)
{
    struct sok_provider_store store = store_of(local);
    struct sok_provider_edit edit = SOK_PROVIDER_EDIT_NONE;
    struct sok_provider row;
    SOK_TRY(sok_cli_read_secret(local->arena, "API key (empty: none): ", false, &edit.api_key, err));
    edit.name = o->name;
    edit.kind = o->kind;
    edit.base_url = o->url;
    edit.priority = priority;
    enum sok_status status = sok_provider_store_put(&store, local->arena, NULL, &edit, &row, err);
    sok_wipe((char *)edit.api_key, strlen(edit.api_key));
    SOK_TRY(status);
    SOK_JSON_AUTO *value = json_object();
    sok_json_set_text(value, "name", row.name);
    sok_json_set_text(value, "kind", row.kind);
    SOK_TRY(
        sok_local_audit(local, "provider.add", "provider", row.id, sok_json_dump(local->arena, value), err));
    printf("Added %s (%s, %.*s).\n", row.name, row.kind, (int)strcspn(row.url, "?"), row.url);
    return SOK_OK;
}

static enum sok_status list(struct sok_local *local, struct sok_providers *providers, struct sok_error *err)
{
    struct sok_provider_instance *items = NULL;
    size_t count = 0;
    SOK_TRY(sok_providers_load(providers, local->arena, &items, &count, err));
    printf("%-24s  %-12s  %-8s  %-3s  %8s  %s\n", "NAME", "KIND", "STATE", "KEY", "PRIORITY", "ADDRESS");
    for (size_t i = 0; i < count; i++) {
        const struct sok_provider_config *config = &items[i].config;
        const char *url = config->base_url ? config->base_url : items[i].driver->default_url;
        printf(
            "%-24s  %-12s  %-8s  %-3s  %8d  %.*s%s\n", sok_cli_clean(local->arena, config->name),
            config->kind, config->enabled ? "enabled" : "disabled",
            sok_provider_has_key(config) ? "yes" : "no", config->priority, (int)strcspn(url ? url : "", "?"),
            url ? url : "", // a query may hold a key
            items[i].from_environment ? " (from the environment)" : "");
    }
    return SOK_OK;
}

static enum sok_status load_one(
    struct sok_local *local, struct sok_providers *providers, const char *name,
    struct sok_provider_instance *ret, struct sok_error *err)
{
    enum sok_status status = sok_providers_load_one(providers, local->arena, name, ret, err);
    if (status == SOK_NOT_FOUND)
        return sok_fail(err, status, "there is no provider \"%.100s\"; see sokoul provider list", name);
    return status;
}

static enum sok_status test(
    struct sok_local *local, struct sok_providers *providers, const char *name, struct sok_error *err)
{
    struct sok_provider_instance provider;
    SOK_TRY(load_one(local, providers, name, &provider, err));
    SOK_TRY(sok_providers_test(providers, local->arena, &provider, err));
    printf("%s works.\n", name);
    return SOK_OK;
}

static enum sok_status remove_one(
    struct sok_local *local, struct sok_providers *providers, const char *name, struct sok_error *err)
{
    struct sok_provider_instance provider;
    struct sok_provider_store store = store_of(local);
    SOK_TRY(load_one(local, providers, name, &provider, err));
    if (provider.from_environment)
        return sok_fail(err, SOK_CONFLICT, "%s comes from the environment: remove its setting", name);
    SOK_TRY(sok_provider_store_remove(&store, provider.config.id, err));
    SOK_TRY(sok_local_audit(local, "provider.remove", "provider", provider.config.id, NULL, err));
    printf("Removed %s.\n", name);
    return SOK_OK;
}

static enum sok_status with_registry(struct sok_local *local, const struct options *o, struct sok_error *err)
{
    struct sok_http_client *http = NULL;
    SOK_TRY(sok_http_client_new(
        &(struct sok_http_client_options){
            .clock = &sok_clock_system,
            .user_agent = "Sokoul/" SOK_VERSION,
            .allow_hosts = local->config.allow_hosts},
        &http, err));
    struct sok_providers *providers =
        sok_providers_new(&local->config, local->db, local->auth->secretbox, http, &sok_clock_system);
    enum sok_status status;
    if (sok_text_eq(o->action, "list"))
        status = list(local, providers, err);
    else if (sok_text_eq(o->action, "test"))
        status = test(local, providers, o->name, err);
    else
        status = remove_one(local, providers, o->name, err);
    sok_providers_free(providers);
    sok_http_client_free(http);
    return status;
}

// What is wrong, by the names it has on the command line.
static void name_options(struct sok_error *err)
{
    static const char *const names[][2] = {
        {"base_url", "--url"}, {"kind", "--kind"}, {"priority", "--priority"}, {"api_key", "the API key"}};
    for (int i = 0; i < err->field_count; i++)
        for (size_t j = 0; j < SOK_ARRAY_LEN(names); j++)
            if (strcmp(err->fields[i].field, names[j][0]) == 0)
                snprintf(err->fields[i].field, sizeof(err->fields[i].field), "%s", names[j][1]);
}

int sok_cli_provider(int argc, char **argv)
{
    struct options o = {0};
    const char *words[2] = {NULL};
    int64_t priority = -1;
    const struct sok_cli_option options[] = {
        {"kind", &o.kind, NULL}, {"url", &o.url, NULL}, {"priority", &o.priority, NULL}};
    if (sok_cli_parse("provider", argc, argv, 1, options, SOK_ARRAY_LEN(options), words, 2) < 0)
        return SOK_EXIT_USAGE;
    o.action = words[0];
    o.name = words[1];
    bool is_add = sok_text_eq(o.action, "add"), is_list = sok_text_eq(o.action, "list");
    if (!is_add && !is_list && !sok_text_eq(o.action, "test") && !sok_text_eq(o.action, "remove"))
        return sok_cli_usage("provider", "add, list, test or remove is needed");
    if (is_list ? o.name != NULL : o.name == NULL)
        return sok_cli_usage("provider", "%s", is_list ? "list takes no name" : "a name is needed");
    if (is_add ? !o.kind : o.kind || o.url || o.priority)
        return sok_cli_usage(
            "provider", "%s", is_add ? "--kind is needed" : "--kind, --url and --priority go with add");
    if (o.priority && !sok_parse_int(o.priority, 0, 1000, &priority))
        return sok_cli_usage("provider", "--priority is a number from 0 to 1000");
    SOK_LOCAL_AUTO local = {0};
    struct sok_error err = {0};
    enum sok_status status = sok_local_open(&local, &err);
    if (status == SOK_OK)
        status = is_add ? add(&local, &o, priority, &err) : with_registry(&local, &o, &err);
    name_options(&err);
    return status == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}
