// The one route table: who may call what, how often, with how large a body, on which lane. A row a route;
// nothing is routed that is not here, and a row without a policy does not start (net/router.c refuses it).
#include "api/handlers/handlers.h"

#define API "/api/v1"
#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

// clang-format off
const struct sok_route sok_api_routes[] = {
    // method   path                                     policy                 rate             lane             body           body_max  handler
    {SOK_GET,    "/health",                               SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_system_health},
    {SOK_GET,    "/health/deep",                          SOK_POLICY_PUBLIC,     SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_NONE, 0,        sok_system_health_deep},
    {SOK_GET,    "/metrics",                              SOK_POLICY_OPERATOR,   SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_system_metrics},
    {SOK_GET,    "/ws",                                   SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_system_websocket},
    {SOK_GET,    "/.well-known/jwks.json",                SOK_POLICY_PUBLIC,     SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_jwks},

    {SOK_GET,   API "/openapi.json",                     SOK_POLICY_PUBLIC,     SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_openapi_get},

    {SOK_POST,  API "/auth/register",                    SOK_POLICY_PUBLIC,     SOK_RATE_AUTH,   SOK_LANE_HASH,   SOK_BODY_JSON, 16 * KIB, sok_auth_register},
    {SOK_POST,  API "/auth/login",                       SOK_POLICY_PUBLIC,     SOK_RATE_LOGIN,  SOK_LANE_HASH,   SOK_BODY_JSON, 16 * KIB, sok_auth_login},
    {SOK_POST,  API "/auth/refresh",                     SOK_POLICY_PUBLIC,     SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_JSON, 16 * KIB, sok_auth_refresh},
    {SOK_POST,  API "/auth/logout",                      SOK_POLICY_SESSION,    SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_logout},
    {SOK_GET,   API "/auth/me",                          SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_me},
    {SOK_PUT,   API "/auth/me",                          SOK_POLICY_SESSION,    SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_auth_update_me},
    {SOK_PUT,   API "/auth/me/avatar",                   SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_MULTIPART_OR_PICTURE, 11 * MIB, sok_avatar_set},
    {SOK_DELETE, API "/auth/me/avatar",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_avatar_remove_own},
    {SOK_PUT,   API "/auth/me/password",                 SOK_POLICY_SESSION,    SOK_RATE_LOGIN,  SOK_LANE_HASH,   SOK_BODY_JSON, 16 * KIB, sok_auth_set_password},
    {SOK_POST,  API "/auth/ws-ticket",                   SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_ws_ticket},
    {SOK_POST,  API "/auth/password/forgot",             SOK_POLICY_PUBLIC,     SOK_RATE_LOGIN,  SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_auth_forgot},
    {SOK_POST,  API "/auth/password/reset",              SOK_POLICY_PUBLIC,     SOK_RATE_AUTH,   SOK_LANE_HASH,   SOK_BODY_JSON, 16 * KIB, sok_auth_reset},
    {SOK_GET,    API "/auth/api-keys",                   SOK_POLICY_SESSION,    SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_keys_list},
    {SOK_POST,   API "/auth/api-keys",                   SOK_POLICY_SESSION,    SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_auth_key_create},
    {SOK_DELETE, API "/auth/api-keys/{id}",              SOK_POLICY_SESSION,    SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_auth_key_delete},

    {SOK_GET,    API "/admin/audit-logs",                SOK_POLICY_MODERATOR,  SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_audit_page},
    {SOK_GET,    API "/admin/providers",                 SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_providers_list},
    {SOK_POST,   API "/admin/providers",                 SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_provider_add},
    {SOK_PUT,    API "/admin/providers/{id}",            SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_provider_update},
    {SOK_DELETE, API "/admin/providers/{id}",            SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_provider_remove},
    {SOK_POST,   API "/admin/providers/{id}/test",       SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_NONE, 0,        sok_admin_provider_test},
    {SOK_GET,    API "/admin/security/blacklist",        SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_blacklist_page},
    {SOK_POST,   API "/admin/security/blacklist",        SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_blacklist_add},
    {SOK_DELETE, API "/admin/security/blacklist/{id}",   SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_blacklist_remove},
    {SOK_GET,    API "/admin/security/whitelist",        SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_whitelist_page},
    {SOK_POST,   API "/admin/security/whitelist",        SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_whitelist_add},
    {SOK_DELETE, API "/admin/security/whitelist/{id}",   SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_whitelist_remove},
    {SOK_GET,    API "/admin/users",                     SOK_POLICY_MODERATOR,  SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_users_list},
    {SOK_GET,    API "/admin/users/{id}",                SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_user_get},
    {SOK_PUT,    API "/admin/users/{id}",                SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_user_change},
    {SOK_DELETE, API "/admin/users/{id}",                SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_user_delete},
    {SOK_PUT,    API "/admin/users/{id}/role",           SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_admin_user_role},

    {SOK_GET,    API "/admin/settings",                  SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_settings_get},
    {SOK_PUT,    API "/admin/settings",                  SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 64 * KIB, sok_admin_settings_put},
    {SOK_GET,    API "/admin/dead-letters",              SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_dead_letters_page},
    {SOK_POST,   API "/admin/dead-letters/{id}/retry",   SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_admin_dead_letter_retry},
    {SOK_GET,    API "/admin/system/stats",              SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_NONE, 0,        sok_admin_system_stats},
    {SOK_POST,   API "/admin/cache/clear",               SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 4 * KIB,  sok_admin_cache_clear},

    {SOK_POST,  API "/search",                           SOK_POLICY_USER,       SOK_RATE_SEARCH, SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_search_start},
    {SOK_GET,   API "/search/{search_id}",               SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_search_get},
    {SOK_GET,   API "/search/{search_id}/results",       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_search_results_page},
    {SOK_GET,   API "/search/{search_id}/providers",     SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_search_by_provider},
    {SOK_POST,  API "/search/{search_id}/score",         SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_search_score},

    {SOK_GET,    API "/media",                            SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_page},
    {SOK_POST,   API "/media",                            SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 64 * KIB, sok_media_create},
    {SOK_POST,   API "/media/scan",                       SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_scan},
    {SOK_GET,    API "/media/{id}",                       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_get},
    {SOK_PUT,    API "/media/{id}",                       SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 64 * KIB, sok_media_change},
    {SOK_DELETE, API "/media/{id}",                       SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_remove},
    {SOK_GET,    API "/media/{id}/files",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_list_files},
    {SOK_GET,    API "/media/{id}/episodes",              SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_episodes},
    {SOK_POST,   API "/media/{id}/enrich",                SOK_POLICY_ADMIN,      SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_media_enrich},

    {SOK_GET,    API "/recommendations",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_recommendations_page},

    {SOK_GET,    API "/streaming/direct/{media_id}",      SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_streaming_direct},
    {SOK_GET,    API "/streaming/providers/{media_id}",   SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_streaming_providers},
    {SOK_POST,   API "/streaming/{stream_id}/start",      SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_streaming_start},
    {SOK_POST,   API "/streaming/{stream_id}/stop",       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_streaming_stop},
    {SOK_GET,    "/stream/{stream_id}/{rest...}",         SOK_POLICY_SIGNED_URL, SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_streaming_send},

    {SOK_GET,    "/avatars/{name}",                       SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_avatar_get},

    {SOK_POST,   API "/downloads/start",                   SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_SLOW,   SOK_BODY_MULTIPART_OR_JSON, 11 * MIB, sok_downloads_start},
    {SOK_GET,    API "/downloads",                         SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_downloads_page},
    {SOK_GET,    API "/downloads/{id}",                    SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_downloads_get},
    {SOK_POST,   API "/downloads/{id}/pause",              SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_downloads_pause},
    {SOK_POST,   API "/downloads/{id}/resume",             SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_downloads_resume},
    {SOK_POST,   API "/downloads/{id}/cancel",             SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_downloads_cancel},

    {SOK_POST,   API "/history/watch",                    SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_history_watch},
    {SOK_GET,    API "/history/continue",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_history_going_on},
    {SOK_GET,    API "/history/watched",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_history_watched_list},
    {SOK_DELETE, API "/history/{watch_id}",               SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_history_remove},

    {SOK_GET,    API "/library/favorites",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_library_favorites_page},
    {SOK_POST,   API "/library/favorites",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_library_favorite_add},
    {SOK_DELETE, API "/library/favorites/{media_id}",      SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_library_favorite_remove},
    {SOK_GET,    API "/library/watchlist",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_library_watchlist_page},
    {SOK_POST,   API "/library/watchlist",                 SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_library_watchlist_add},
    {SOK_DELETE, API "/library/watchlist/{media_id}",      SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_library_watchlist_remove},

    {SOK_GET,    API "/collections",                       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_collections_page},
    {SOK_POST,   API "/collections",                       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_collections_create},
    {SOK_GET,    API "/collections/{id}",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_collections_get},
    {SOK_PUT,    API "/collections/{id}",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_collections_change},
    {SOK_DELETE, API "/collections/{id}",                  SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_collections_remove},
    {SOK_POST,   API "/collections/{id}/media",            SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_JSON, 16 * KIB, sok_collections_media_add},
    {SOK_DELETE, API "/collections/{id}/media/{media_id}", SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_collections_media_remove},

    {SOK_GET,    API "/tasks/{id}",                       SOK_POLICY_USER,       SOK_RATE_API,    SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_task_get},

    {SOK_GET,   "/",                                      SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page},
    {SOK_GET,   "/docs",                                  SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_docs},
    {SOK_GET,   "/setup",                                 SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page},
    {SOK_GET,   "/reset",                                 SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page},
    {SOK_GET,   "/downloads",                             SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page},
    {SOK_GET,   "/library",                               SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page},
    {SOK_GET,   "/watch/{media_id}",                      SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_page},
    {SOK_GET,   "/assets/{rest...}",                      SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_asset},
    {SOK_GET,   "/favicon.svg",                           SOK_POLICY_PUBLIC,     SOK_RATE_NONE,   SOK_LANE_INLINE, SOK_BODY_NONE, 0,        sok_web_asset},
};
// clang-format on
const size_t sok_api_route_count = SOK_ARRAY_LEN(sok_api_routes);
