// /metrics and /health of a process that serves nothing else: a worker's.
#ifndef SOK_APP_METRICS_PORT_H
#define SOK_APP_METRICS_PORT_H

#include "app/program.h"

// Listens at SOKOUL_METRICS_LISTEN; who may read is what it is for /metrics of an API process. *ret is NULL
// with `off`, and where nothing was asked for and the usual port is taken, which is logged. Owned by the
// caller: sok_http_server_stop, before the program is closed.
SOK_MUST_CHECK enum sok_status sok_metrics_port_start(
    struct sok_program *program, struct sok_http_server **ret, struct sok_error *err);

#endif
