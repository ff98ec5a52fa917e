// For tests: orders for the NATS server that SOKOUL_TEST_NATS names.
#ifndef SOK_BACKENDS_QUEUE_DRIVERS_NATS_TESTING_H
#define SOK_BACKENDS_QUEUE_DRIVERS_NATS_TESTING_H

#include <nats/nats.h>
#include <stdlib.h>

#include "base/status.h"

static inline SOK_UNUSED jsCtx *sok_test_nats_connect(natsConnection **ret_connection)
{
    jsCtx *js = NULL;
    if (natsConnection_ConnectTo(ret_connection, getenv("SOKOUL_TEST_NATS")) != NATS_OK ||
        natsConnection_JetStream(&js, *ret_connection, NULL) != NATS_OK)
        sok_panic("the test's NATS does not answer");
    return js;
}

// Takes all messages out of a stream.
static inline SOK_UNUSED void sok_test_nats_purge(const char *name)
{
    natsConnection *connection = NULL;
    jsCtx *js = sok_test_nats_connect(&connection);
    jsErrCode code;
    if (js_PurgeStream(js, name, NULL, &code) != NATS_OK)
        sok_panic("the test's NATS does not empty %s", name);
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
}

// Takes its streams away, with all that is in them.
static inline SOK_UNUSED void sok_test_nats_wipe(void)
{
    static const char *const names[] = {"JOBS", "LOGS", "EVENTS"};
    natsConnection *connection = NULL;
    jsCtx *js = sok_test_nats_connect(&connection);
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++) {
        jsErrCode code;
        natsStatus status = js_DeleteStream(js, names[i], NULL, &code);
        if (status != NATS_OK && status != NATS_NOT_FOUND)
            sok_panic("the test's NATS: %s", natsStatus_GetText(status));
    }
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
}

#endif
