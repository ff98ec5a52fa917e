#include "app/service_manager.h"

#include <systemd/sd-daemon.h>

int sok_service_sockets(int *ret_first)
{
    int count = sd_listen_fds(1);
    *ret_first = SD_LISTEN_FDS_START;
    return count > 0 ? count : 0; // an error is a manager of another kind
}

void sok_service_ready(void)
{
    (void)sd_notify(0, "READY=1");
}

void sok_service_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1");
}
