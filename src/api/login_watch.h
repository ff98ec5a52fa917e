// Sees to it that a login that has ended ends everywhere, also where no event says so: the command line
// changes the same database, and sessions and API keys expire.
#ifndef SOK_API_LOGIN_WATCH_H
#define SOK_API_LOGIN_WATCH_H

#include "runtime/clock.h"

struct sok_hub;
struct sok_login_watch;
struct sok_sessions;

// Starts a thread. It looks a few times a second for accounts that were changed, forgets what is cached of
// them and closes the WebSockets that may no longer be (4401; 1012 when only the role is another), and every
// few seconds at all WebSockets. The parts are borrowed and outlive it. Owned by the caller.
struct sok_login_watch *sok_login_watch_new(struct sok_sessions *sessions, struct sok_hub *hub);

// NULL is fine. Returns NULL.
struct sok_login_watch *sok_login_watch_free(struct sok_login_watch *watch);

#endif
