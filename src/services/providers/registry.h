// The providers this program has: those of the environment and those of the `providers` table, each with the
// driver of its kind.
//
// The registry reads the table when it is asked, so a provider that an admin adds works at once and in every
// process. Whatever it returns has its base URL's host:port allowed in the HTTP client.
#ifndef SOK_SERVICES_PROVIDERS_REGISTRY_H
#define SOK_SERVICES_PROVIDERS_REGISTRY_H

#include "backends/db/db.h"
#include "runtime/config.h"
#include "services/auth/secretbox.h"
#include "services/providers/provider.h"

#define SOK_PROVIDERS_MAX 64 // more rows than that are not read

struct sok_providers;

// Everything is borrowed and outlives the registry. `box` opens the keys of the table's rows; NULL: rows with
// a key are returned without it. `db` NULL: the environment alone. Owned by the caller.
struct sok_providers *sok_providers_new(
    const struct sok_config *config, struct sok_db *db, const struct sok_secretbox *box,
    struct sok_http_client *http, const struct sok_clock *clock);
struct sok_providers *sok_providers_free(struct sok_providers *providers);

struct sok_provider_instance {
    struct sok_provider_config config;
    const struct sok_provider_driver *driver;
    bool from_environment; // cannot be changed or removed through the API
};

// All providers, also disabled ones, by priority and name; texts in the arena. A row whose kind is unknown is
// skipped, one whose key cannot be opened comes without the key. Any thread; reads the database.
SOK_MUST_CHECK enum sok_status sok_providers_load(
    struct sok_providers *providers, struct sok_arena *arena, struct sok_provider_instance **ret,
    size_t *ret_count, struct sok_error *err);

// One by id or, failing that, by name. SOK_NOT_FOUND.
SOK_MUST_CHECK enum sok_status sok_providers_load_one(
    struct sok_providers *providers, struct sok_arena *arena, const char *id,
    struct sok_provider_instance *ret, struct sok_error *err);

// The surroundings of a call to this provider; timeout_ms from now, 0: the driver's own limit.
struct sok_provider_call sok_providers_call(
    const struct sok_providers *providers, struct sok_arena *arena,
    const struct sok_provider_instance *provider, int64_t timeout_ms);

// Runs the driver's test against a configuration that need not be stored: allows its address and asks.
SOK_MUST_CHECK enum sok_status sok_providers_test(
    struct sok_providers *providers, struct sok_arena *arena, const struct sok_provider_instance *provider,
    struct sok_error *err);

// Checks what somebody typed: kind known, name 1-64 characters, base_url an http(s) URL (or the driver's
// default), key there where needed, priority 0-1000. Field errors in err. Fills ret's driver.
SOK_MUST_CHECK enum sok_status sok_provider_config_check(
    struct sok_arena *arena, const struct sok_provider_config *config, struct sok_provider_instance *ret,
    struct sok_error *err);

// Asks one metadata provider for the one work that is meant (title, year and type must fit; see
// domain/match.h) with its details and, for season >= 0, that season's episodes. SOK_NOT_FOUND when it does
// not know it.
SOK_MUST_CHECK enum sok_status sok_provider_identify(
    const struct sok_provider_instance *provider, const struct sok_provider_call *call,
    const struct sok_provider_query *query, struct sok_found_media *ret, struct sok_error *err);

// Asks every enabled metadata provider in turn until one knows the work. SOK_NOT_FOUND when none does;
// otherwise the last failure. Blocks for at most timeout_ms.
SOK_MUST_CHECK enum sok_status sok_providers_identify(
    struct sok_providers *providers, struct sok_arena *arena, const struct sok_provider_query *query,
    int64_t timeout_ms, struct sok_found_media *ret, struct sok_error *err);

SOK_DEFINE_CLEANUP(struct sok_providers, sok_providers_cleanup, sok_providers_free)

#endif
