// The mails that carry a link for a new password. Whoever asks gets the same answer at once, whether there is
// such an account or not: looking, writing and sending happen behind, in one thread with a bounded line.
//
// A mail that cannot be sent is tried twice more within seconds and then given up: the person asks again. It
// is no row in `tasks`, because the link must not lie in the database in clear. Without a mail server the
// link goes to the log, where the admin finds it.
#ifndef SOK_API_RESET_MAIL_H
#define SOK_API_RESET_MAIL_H

#include <stdbool.h>

struct sok_api;
struct sok_reset_mail;

// `api` is borrowed and outlives it. Starts the thread. Owned by the caller.
struct sok_reset_mail *sok_reset_mail_new(struct sok_api *api);

// What waits is given up, a mail under way is cut within a second or so. NULL is fine. Returns NULL.
struct sok_reset_mail *sok_reset_mail_free(struct sok_reset_mail *mails);

// Sends a link to this address if an active account has it. All text is copied. False: too many wait. Any
// thread, does not block.
bool sok_reset_mail_send(
    struct sok_reset_mail *mails, const char *email, const char *client_ip, const char *request_id);

#endif
