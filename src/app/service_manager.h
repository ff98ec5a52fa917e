// What a service manager that speaks systemd's protocol gives us and wants to know. Without one, nothing
// happens. The main thread.
#ifndef SOK_APP_SERVICE_MANAGER_H
#define SOK_APP_SERVICE_MANAGER_H

// How many listening sockets were handed to this process, and the descriptor of the first; the others follow
// it. They are the caller's. The processes that we start get none of them.
int sok_service_sockets(int *ret_first);

// Requests are answered from now on; or: no new ones are.
void sok_service_ready(void);
void sok_service_stopping(void);

#endif
