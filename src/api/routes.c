// The one route table: who may call what, how often, with how large a body, on which lane. A row a route;
// nothing is routed that is not here, and a row without a policy does not compile (dev/check_routes tries).
#include "api/handlers/handlers.h"

#define API "/api/v1"
#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

// clang-format off
// 0 is in none of the enums: who may call, how often, where it runs and what body it takes stands in each row.
#define SAID(value, what) \
    ((value) + 0 * sizeof(struct { _Static_assert((value) > 0, "the row has no " what); char unused; }))
#define ROUTE(method_, path_, policy_, rate_, lane_, body_, body_max_, handler_)                              \
    {                                                                                                        \
        .method = SAID(method_, "method"), .path = (path_), .policy = SAID(policy_, "policy"),               \
        .rate = SAID(rate_, "rate class"), .lane = SAID(lane_, "lane"), .body = SAID(body_, "body kind"),    \
        .body_max_bytes = (body_max_), .handler = (handler_)                                                 \
    }

const struct sok_route sok_api_routes[] = {
    //    method   path                                     policy                 rate             lane             body           body_max  handler
    ROUTE(SOK_GET,    "/health",                               SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_system_health),
    ROUTE(SOK_GET,    "/health/deep",                          SOK_POLICY_PUBLIC,     SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_NONE, 0,        sok_system_health_deep),
    ROUTE(SOK_GET,    "/metrics",                              SOK_POLICY_OPERATOR,   SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_system_metrics),
    ROUTE(SOK_GET,    "/ws",                                   SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_system_websocket),
    ROUTE(SOK_GET,    "/.well-known/jwks.json",                SOK_POLICY_PUBLIC,     SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_jwks),

    ROUTE(SOK_GET,   API "/openapi.json",                     SOK_POLICY_PUBLIC,     SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_openapi_get),

    ROUTE(SOK_POST,  API "/auth/register",                    SOK_POLICY_PUBLIC,     SOK_RATE_AUTH,   SOK_LANE_HASH,   SOK_BODY_JSON, 16 * KIB, sok_auth_register),
    ROUTE(SOK_POST,  API "/auth/login",                       SOK_POLICY_PUBLIC,     SOK_RATE_LOGIN,  SOK_LANE_HASH,   SOK_BODY_JSON, 16 * KIB, sok_auth_login),
    ROUTE(SOK_POST,  API "/auth/refresh",                     SOK_POLICY_PUBLIC,     SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_JSON, 16 * KIB, sok_auth_refresh),
    ROUTE(SOK_POST,  API "/auth/logout",                      SOK_POLICY_SESSION,    SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_logout),
    ROUTE(SOK_GET,   API "/auth/me",                          SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_me),
    ROUTE(SOK_PUT,   API "/auth/me",                          SOK_POLICY_SESSION,    SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_auth_update_me),
    ROUTE(SOK_PUT,   API "/auth/me/avatar",                   SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_MULTIPART_OR_PICTURE, 11 * MIB, sok_avatar_set),
    ROUTE(SOK_DELETE, API "/auth/me/avatar",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_avatar_remove_own),
    ROUTE(SOK_PUT,   API "/auth/me/password",                 SOK_POLICY_SESSION,    SOK_RATE_LOGIN,  SOK_LANE_HASH,   SOK_BODY_JSON, 16 * KIB, sok_auth_set_password),
    ROUTE(SOK_POST,  API "/auth/ws-ticket",                   SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_ws_ticket),
    ROUTE(SOK_POST,  API "/auth/password/forgot",             SOK_POLICY_PUBLIC,     SOK_RATE_LOGIN,  SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_auth_forgot),
    ROUTE(SOK_POST,  API "/auth/password/reset",              SOK_POLICY_PUBLIC,     SOK_RATE_AUTH,   SOK_LANE_HASH,   SOK_BODY_JSON, 16 * KIB, sok_auth_reset),
    ROUTE(SOK_GET,    API "/auth/api-keys",                   SOK_POLICY_SESSION,    SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_keys_list),
    ROUTE(SOK_POST,   API "/auth/api-keys",                   SOK_POLICY_SESSION,    SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_auth_key_create),
    ROUTE(SOK_DELETE, API "/auth/api-keys/{id}",              SOK_POLICY_SESSION,    SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_key_delete),

    ROUTE(SOK_GET,    API "/admin/audit-logs",                SOK_POLICY_MODERATOR,  SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_audit_page),
    ROUTE(SOK_GET,    API "/admin/providers",                 SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_providers_list),
    ROUTE(SOK_POST,   API "/admin/providers",                 SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_provider_add),
    ROUTE(SOK_GET,    API "/admin/providers/{id}",            SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_provider_get),
    ROUTE(SOK_PUT,    API "/admin/providers/{id}",            SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_provider_update),
    ROUTE(SOK_DELETE, API "/admin/providers/{id}",            SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_provider_remove),
    ROUTE(SOK_POST,   API "/admin/providers/{id}/test",       SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_NONE, 0,        sok_admin_provider_test),
    ROUTE(SOK_GET,    API "/admin/security/blacklist",        SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_blacklist_page),
    ROUTE(SOK_POST,   API "/admin/security/blacklist",        SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_blacklist_add),
    ROUTE(SOK_GET,    API "/admin/security/blacklist/{id}",   SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_blacklist_get),
    ROUTE(SOK_DELETE, API "/admin/security/blacklist/{id}",   SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_blacklist_remove),
    ROUTE(SOK_GET,    API "/admin/security/whitelist",        SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_whitelist_page),
    ROUTE(SOK_POST,   API "/admin/security/whitelist",        SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_whitelist_add),
    ROUTE(SOK_GET,    API "/admin/security/whitelist/{id}",   SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_whitelist_get),
    ROUTE(SOK_DELETE, API "/admin/security/whitelist/{id}",   SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_whitelist_remove),
    ROUTE(SOK_GET,    API "/admin/users",                     SOK_POLICY_MODERATOR,  SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_users_list),
    ROUTE(SOK_GET,    API "/admin/users/{id}",                SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_user_get),
    ROUTE(SOK_PUT,    API "/admin/users/{id}",                SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_user_change),
    ROUTE(SOK_DELETE, API "/admin/users/{id}",                SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_user_delete),
    ROUTE(SOK_PUT,    API "/admin/users/{id}/role",           SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_user_role),

    ROUTE(SOK_GET,    API "/admin/settings",                  SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_settings_get),
    ROUTE(SOK_PUT,    API "/admin/settings",                  SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 64 * KIB, sok_admin_settings_put),
    ROUTE(SOK_GET,    API "/admin/dead-letters",              SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_dead_letters_page),
    ROUTE(SOK_POST,   API "/admin/dead-letters/{id}/retry",   SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_dead_letter_retry),
    ROUTE(SOK_GET,    API "/admin/system/stats",              SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_NONE, 0,        sok_admin_system_stats),
    ROUTE(SOK_POST,   API "/admin/cache/clear",               SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 4 * KIB,  sok_admin_cache_clear),

    ROUTE(SOK_POST,  API "/search",                           SOK_POLICY_USER,       SOK_RATE_SEARCH, SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_search_start),
    ROUTE(SOK_GET,   API "/search/{search_id}",               SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_search_get),
    ROUTE(SOK_GET,   API "/search/{search_id}/results",       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_search_results_page),
    ROUTE(SOK_GET,   API "/search/{search_id}/providers",     SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_search_by_provider),
    ROUTE(SOK_POST,  API "/search/{search_id}/score",         SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_search_score),

    ROUTE(SOK_GET,    API "/media",                            SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_page),
    ROUTE(SOK_POST,   API "/media",                            SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 64 * KIB, sok_media_create),
    ROUTE(SOK_POST,   API "/media/scan",                       SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_scan),
    ROUTE(SOK_GET,    API "/media/{id}",                       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_get),
    ROUTE(SOK_PUT,    API "/media/{id}",                       SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 64 * KIB, sok_media_change),
    ROUTE(SOK_DELETE, API "/media/{id}",                       SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_remove),
    ROUTE(SOK_GET,    API "/media/{id}/files",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_list_files),
    ROUTE(SOK_GET,    API "/media/{id}/episodes",              SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_episodes),
    ROUTE(SOK_POST,   API "/media/{id}/enrich",                SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_enrich),

    ROUTE(SOK_GET,    API "/recommendations",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_recommendations_page),

    ROUTE(SOK_GET,    API "/streaming/direct/{media_id}",      SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_streaming_direct),
    ROUTE(SOK_GET,    API "/streaming/providers/{media_id}",   SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_streaming_providers),
    ROUTE(SOK_POST,   API "/streaming/{stream_id}/start",      SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_streaming_start),
    ROUTE(SOK_POST,   API "/streaming/{stream_id}/stop",       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_streaming_stop),
    ROUTE(SOK_GET,    "/stream/{stream_id}/{rest...}",         SOK_POLICY_SIGNED_URL, SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_streaming_send),

    ROUTE(SOK_GET,    "/avatars/{name}",                       SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_avatar_get),

    ROUTE(SOK_POST,   API "/downloads/start",                   SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_MULTIPART_OR_JSON, 11 * MIB, sok_downloads_start),
    ROUTE(SOK_GET,    API "/downloads",                         SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_downloads_page),
    ROUTE(SOK_GET,    API "/downloads/{id}",                    SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_downloads_get),
    ROUTE(SOK_POST,   API "/downloads/{id}/pause",              SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_downloads_pause),
    ROUTE(SOK_POST,   API "/downloads/{id}/resume",             SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_downloads_resume),
    ROUTE(SOK_POST,   API "/downloads/{id}/cancel",             SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_downloads_cancel),

    ROUTE(SOK_POST,   API "/history/watch",                    SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_history_watch),
    ROUTE(SOK_GET,    API "/history/continue",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_history_going_on),
    ROUTE(SOK_GET,    API "/history/watched",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_history_watched_list),
    ROUTE(SOK_DELETE, API "/history/{watch_id}",               SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_history_remove),

    ROUTE(SOK_GET,    API "/library/favorites",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_library_favorites_page),
    ROUTE(SOK_POST,   API "/library/favorites",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_library_favorite_add),
    ROUTE(SOK_DELETE, API "/library/favorites/{media_id}",      SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_library_favorite_remove),
    ROUTE(SOK_GET,    API "/library/watchlist",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_library_watchlist_page),
    ROUTE(SOK_POST,   API "/library/watchlist",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_library_watchlist_add),
    ROUTE(SOK_DELETE, API "/library/watchlist/{media_id}",      SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_library_watchlist_remove),

    ROUTE(SOK_GET,    API "/collections",                       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_collections_page),
    ROUTE(SOK_POST,   API "/collections",                       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_collections_create),
    ROUTE(SOK_GET,    API "/collections/{id}",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_collections_get),
    ROUTE(SOK_PUT,    API "/collections/{id}",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_collections_change),
    ROUTE(SOK_DELETE, API "/collections/{id}",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_collections_remove),
    ROUTE(SOK_POST,   API "/collections/{id}/media",            SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_collections_media_add),
    ROUTE(SOK_DELETE, API "/collections/{id}/media/{media_id}", SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_collections_media_remove),

    ROUTE(SOK_GET,    API "/tasks/{id}",                       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_task_get),

    ROUTE(SOK_GET,   "/",                                      SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page),
    ROUTE(SOK_GET,   "/docs",                                  SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_docs),
    ROUTE(SOK_GET,   "/setup",                                 SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page),
    ROUTE(SOK_GET,   "/reset",                                 SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page),
    ROUTE(SOK_GET,   "/downloads",                             SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page),
    ROUTE(SOK_GET,   "/library",                               SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page),
    ROUTE(SOK_GET,   "/keys",                                  SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page),
    ROUTE(SOK_GET,   "/admin",                                 SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page),
    ROUTE(SOK_GET,   "/admin/{section}",                       SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page),
    ROUTE(SOK_GET,   "/watch/{media_id}",                      SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page),
    ROUTE(SOK_GET,   "/assets/{rest...}",                      SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_asset),
    ROUTE(SOK_GET,   "/favicon.svg",                           SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_asset),
};
// clang-format on
const size_t sok_api_route_count = SOK_ARRAY_LEN(sok_api_routes);
