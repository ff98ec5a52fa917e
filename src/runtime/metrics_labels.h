// The labels of metrics and their values. A value is a number that a call site names by one of the enums
// below; its text stands in metrics_table.c, in the same order. 0 is "other" of every label.
#ifndef SOK_RUNTIME_METRICS_LABELS_H
#define SOK_RUNTIME_METRICS_LABELS_H

#include "base/status.h"

enum sok_label {
    SOK_LABEL_NONE,
    SOK_LABEL_ALERT,           // found by its name
    SOK_LABEL_ALERT_STATE,     // found by its name
    SOK_LABEL_ANSWER,          // enum sok_label_answer
    SOK_LABEL_CACHE_TYPE,      // found by its name, sok_label_find
    SOK_LABEL_CHECK,           // found by its name
    SOK_LABEL_ENDPOINT,        // open: sok_label_intern
    SOK_LABEL_ERROR_TYPE,      // enum sok_status
    SOK_LABEL_FOLDER,          // found by its name
    SOK_LABEL_LEVEL,           // enum sok_log_level + 1
    SOK_LABEL_METHOD,          // enum sok_label_method
    SOK_LABEL_CACHE_OPERATION, // enum sok_label_cache_operation
    SOK_LABEL_PART,            // enum sok_part
    SOK_LABEL_PROVIDER,        // open: sok_label_intern
    SOK_LABEL_QUERY_TYPE,      // enum sok_label_query_type
    SOK_LABEL_REMOVAL,         // enum sok_label_removal
    SOK_LABEL_STATUS,          // sok_label_status(200)
    SOK_LABEL_JOB_STATUS,      // found by its name
    SOK_LABEL_TRANSACTION,     // enum sok_label_transaction
    SOK_LABEL_VERSION,         // open: sok_label_intern
    SOK_LABEL_WORKER,          // found by its name
    SOK_LABEL_DIRECTION,       // enum sok_label_direction
    SOK_LABEL_DOWNLOAD_END,    // found by its name
    SOK_LABEL_HTTP_RESULT,     // enum sok_label_http_result
    SOK_LABEL_JOB,             // found by its name
    SOK_LABEL_LIMIT,           // enum sok_label_limit
    SOK_LABEL_LOGIN,           // enum sok_label_login
    SOK_LABEL_OUTCOME,         // enum sok_label_outcome
    SOK_LABEL_REFRESH,         // enum sok_label_refresh
    SOK_LABEL_REFUSAL,         // enum sok_label_refusal
    SOK_LABEL_SENDING,         // enum sok_label_sending
    SOK_LABEL_STATE,           // found by its name
    SOK_LABEL_UPLOAD,          // enum sok_label_upload
    SOK_LABEL_VERIFIED,        // enum sok_label_verified
    SOK_LABEL_WS_DROP,         // enum sok_label_ws_drop
    SOK_LABEL_COUNT
};

// Who answered a read that a replica may answer; the others say why the primary did.
enum sok_label_answer { SOK_ANSWER_REPLICA = 1, SOK_ANSWER_BEHIND, SOK_ANSWER_AWAY };
enum sok_label_method {
    SOK_METHOD_OTHER,
    SOK_METHOD_GET,
    SOK_METHOD_HEAD,
    SOK_METHOD_POST,
    SOK_METHOD_PUT,
    SOK_METHOD_DELETE
};
enum sok_label_cache_operation {
    SOK_CACHE_OP_GET = 1,
    SOK_CACHE_OP_PUT,
    SOK_CACHE_OP_CLEAR,
    SOK_CACHE_OP_LIMIT
};
// What a request's time goes to.
enum sok_part {
    SOK_PART_AUTH = 1,
    SOK_PART_DATABASE,
    SOK_PART_CACHE,
    SOK_PART_SERIALISATION,
    SOK_PART_COUNT
};
enum sok_label_query_type {
    SOK_QUERY_OTHER,
    SOK_QUERY_SELECT,
    SOK_QUERY_INSERT,
    SOK_QUERY_UPDATE,
    SOK_QUERY_DELETE
};
enum sok_label_removal { SOK_REMOVAL_EVICTED = 1, SOK_REMOVAL_EXPIRED, SOK_REMOVAL_CLEARED };
enum sok_label_transaction { SOK_TRANSACTION_COMMITTED = 1, SOK_TRANSACTION_FAILED };
enum sok_label_direction { SOK_DIRECTION_IN = 1, SOK_DIRECTION_OUT };
enum sok_label_http_result { SOK_HTTP_2XX = 1, SOK_HTTP_3XX, SOK_HTTP_4XX, SOK_HTTP_5XX, SOK_HTTP_FAILED };
enum sok_label_limit {
    SOK_LIMIT_IP = 1,
    SOK_LIMIT_API,
    SOK_LIMIT_SEARCH,
    SOK_LIMIT_AUTH,
    SOK_LIMIT_ACCOUNT,
    SOK_LIMIT_DOWNLOADS,
    SOK_LIMIT_WEBSOCKETS
};
enum sok_label_login { SOK_LOGIN_OK = 1, SOK_LOGIN_FAILED, SOK_LOGIN_LIMITED };
enum sok_label_outcome { SOK_OUTCOME_COMPLETED = 1, SOK_OUTCOME_FAILED };
enum sok_label_refresh { SOK_REFRESH_OK = 1, SOK_REFRESH_REFUSED, SOK_REFRESH_REUSED };
enum sok_label_refusal {
    SOK_REFUSAL_BLACKLIST = 1,
    SOK_REFUSAL_HOST,
    SOK_REFUSAL_POLICY,
    SOK_REFUSAL_OVERLOAD
};
enum sok_label_sending { SOK_SENDING_SENT = 1, SOK_SENDING_FAILED };
enum sok_label_upload {
    SOK_UPLOAD_CLEAN = 1,
    SOK_UPLOAD_INFECTED,
    SOK_UPLOAD_UNAVAILABLE,
    SOK_UPLOAD_UNSCANNED
};
enum sok_label_verified { SOK_VERIFIED_OK = 1, SOK_VERIFIED_REFUSED };
enum sok_label_ws_drop { SOK_WS_DROP_SLOW = 1, SOK_WS_DROP_SILENT };

#endif
