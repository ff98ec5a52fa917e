// For tests: orders for the NATS server that SOKOUL_TEST_NATS names.
#ifndef SOK_BACKENDS_QUEUE_DRIVERS_NATS_TESTING_H
#define SOK_BACKENDS_QUEUE_DRIVERS_NATS_TESTING_H

#include <nats/nats.h>
#include <stdlib.h>

#include "base/status.h"

// Takes its streams away, with all that is in them.
static inline SOK_UNUSED void sok_test_nats_wipe(void)
{
    static const char *const names[] = {"JOBS", "LOGS", "EVENTS"};
    natsConnection *connection = NULL;
    jsCtx *js = NULL;
    if (natsConnection_ConnectTo(&connection, getenv("SOKOUL_TEST_NATS")) != NATS_OK ||
        natsConnection_JetStream(&js, connection, NULL) != NATS_OK)
        sok_panic("the test's NATS does not answer");
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
