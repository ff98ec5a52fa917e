// Every handler of the route table (api/routes.c), one block a file. What each takes and gives is docs/api's
// and the contract's.
#ifndef SOK_API_HANDLERS_HANDLERS_H
#define SOK_API_HANDLERS_HANDLERS_H

#include "api/api.h"

#define SOK_HANDLER(name) enum sok_status name(struct sok_request *request, struct sok_error *err)

// admin.c
SOK_HANDLER(sok_admin_providers_list);
SOK_HANDLER(sok_admin_provider_add);
SOK_HANDLER(sok_admin_provider_get);
SOK_HANDLER(sok_admin_provider_update);
SOK_HANDLER(sok_admin_provider_remove);
SOK_HANDLER(sok_admin_provider_test);

// admin_audit.c
SOK_HANDLER(sok_admin_audit_page);

// admin_security.c
SOK_HANDLER(sok_admin_whitelist_page);
SOK_HANDLER(sok_admin_whitelist_get);
SOK_HANDLER(sok_admin_whitelist_add);
SOK_HANDLER(sok_admin_whitelist_remove);
SOK_HANDLER(sok_admin_blacklist_page);
SOK_HANDLER(sok_admin_blacklist_get);
SOK_HANDLER(sok_admin_blacklist_add);
SOK_HANDLER(sok_admin_blacklist_remove);

// admin_users.c
SOK_HANDLER(sok_admin_users_list);
SOK_HANDLER(sok_admin_user_get);
SOK_HANDLER(sok_admin_user_change);
SOK_HANDLER(sok_admin_user_role);
SOK_HANDLER(sok_admin_user_delete);

// admin_dead_letters.c
SOK_HANDLER(sok_admin_dead_letters_page);
SOK_HANDLER(sok_admin_dead_letter_retry);

// admin_settings.c
SOK_HANDLER(sok_admin_settings_get);
SOK_HANDLER(sok_admin_settings_put);

// admin_stats.c
SOK_HANDLER(sok_admin_system_stats);

// admin_system.c
SOK_HANDLER(sok_admin_cache_clear);

// auth.c
SOK_HANDLER(sok_auth_register);
SOK_HANDLER(sok_auth_login);
SOK_HANDLER(sok_auth_refresh);
SOK_HANDLER(sok_auth_logout);
SOK_HANDLER(sok_auth_me);
SOK_HANDLER(sok_auth_update_me);
SOK_HANDLER(sok_auth_set_password);
SOK_HANDLER(sok_auth_ws_ticket);
SOK_HANDLER(sok_auth_jwks);
struct sok_user;
// From now on the request is this user's, for the logs.
void sok_auth_note_caller(struct sok_request *request, const struct sok_user *user);
json_t *sok_auth_user_json(const struct sok_user *user); // what others may see of an account; a new reference

// auth_keys.c
SOK_HANDLER(sok_auth_keys_list);
SOK_HANDLER(sok_auth_key_create);
SOK_HANDLER(sok_auth_key_delete);

// avatar.c
SOK_HANDLER(sok_avatar_set);
SOK_HANDLER(sok_avatar_remove_own);
SOK_HANDLER(sok_avatar_get);

// auth_reset.c
SOK_HANDLER(sok_auth_forgot);
SOK_HANDLER(sok_auth_reset);

// collections.c
SOK_HANDLER(sok_collections_page);
SOK_HANDLER(sok_collections_create);
SOK_HANDLER(sok_collections_get);
SOK_HANDLER(sok_collections_change);
SOK_HANDLER(sok_collections_remove);
SOK_HANDLER(sok_collections_media_add);
SOK_HANDLER(sok_collections_media_remove);

// downloads.c
SOK_HANDLER(sok_downloads_start);
SOK_HANDLER(sok_downloads_page);
SOK_HANDLER(sok_downloads_get);
SOK_HANDLER(sok_downloads_pause);
SOK_HANDLER(sok_downloads_resume);
SOK_HANDLER(sok_downloads_cancel);

// history.c
SOK_HANDLER(sok_history_watch);
SOK_HANDLER(sok_history_going_on);
SOK_HANDLER(sok_history_watched_list);
SOK_HANDLER(sok_history_remove);

// library.c
SOK_HANDLER(sok_library_favorites_page);
SOK_HANDLER(sok_library_favorite_add);
SOK_HANDLER(sok_library_favorite_remove);
SOK_HANDLER(sok_library_watchlist_page);
SOK_HANDLER(sok_library_watchlist_add);
SOK_HANDLER(sok_library_watchlist_remove);

// media.c
SOK_HANDLER(sok_media_page);
SOK_HANDLER(sok_media_get);
SOK_HANDLER(sok_media_list_files);
SOK_HANDLER(sok_media_episodes);
SOK_HANDLER(sok_media_create);
SOK_HANDLER(sok_media_change);
SOK_HANDLER(sok_media_enrich);
SOK_HANDLER(sok_media_scan);

// media_remove.c
SOK_HANDLER(sok_media_remove);

// openapi.c
SOK_HANDLER(sok_openapi_get);

// recommendations.c
SOK_HANDLER(sok_recommendations_page);

// search.c
SOK_HANDLER(sok_search_start);
SOK_HANDLER(sok_search_get);
SOK_HANDLER(sok_search_results_page);
SOK_HANDLER(sok_search_by_provider);
SOK_HANDLER(sok_search_score);

// streaming.c
SOK_HANDLER(sok_streaming_direct);
SOK_HANDLER(sok_streaming_providers);
SOK_HANDLER(sok_streaming_start);
SOK_HANDLER(sok_streaming_stop);
SOK_HANDLER(sok_streaming_send);

// system.c
SOK_HANDLER(sok_system_health);
SOK_HANDLER(sok_system_health_deep);
SOK_HANDLER(sok_system_metrics);

// tasks.c
SOK_HANDLER(sok_task_get);

// web.c
SOK_HANDLER(sok_web_page);
SOK_HANDLER(sok_web_docs);
SOK_HANDLER(sok_web_asset);

// websocket.c
SOK_HANDLER(sok_system_websocket);

#endif
