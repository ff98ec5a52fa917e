// Every handler of the route table (api/routes.c), one block a file. What each takes and gives is docs/api's
// and the contract's.
#ifndef SOK_API_HANDLERS_HANDLERS_H
#define SOK_API_HANDLERS_HANDLERS_H

#include "api/api.h"

#define SOK_HANDLER(name) enum sok_status name(struct sok_request *request, struct sok_error *err)

// search.c
SOK_HANDLER(sok_search_start);
SOK_HANDLER(sok_search_get);
SOK_HANDLER(sok_search_results_page);
SOK_HANDLER(sok_search_by_provider);
SOK_HANDLER(sok_search_score);

// system.c
SOK_HANDLER(sok_system_health);
SOK_HANDLER(sok_system_health_deep);
SOK_HANDLER(sok_system_metrics);
SOK_HANDLER(sok_system_websocket);

// tasks.c
SOK_HANDLER(sok_task_get);

#endif
