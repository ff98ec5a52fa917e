// One blocking libcurl transfer a mail: they are rare, and whoever sends has a thread for it.
#include "net/mail.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mailbox.h"
#include "base/rand.h"
#include "base/text.h"
#include "net/address.h"

#define CONNECT_TIMEOUT_MS 10000L

struct upload {
    const char *message;
    size_t len, sent;
    const _Atomic bool *cancelled;
};

static size_t give_message(char *to, size_t size, size_t count, void *context)
{
    struct upload *upload = context;
    size_t left = upload->len - upload->sent, room = size * count;
    size_t len = left < room ? left : room;
    memcpy(to, upload->message + upload->sent, len);
    upload->sent += len;
    return len;
}

static int look_for_the_end(
    void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct upload *upload = context;
    return upload->cancelled && *upload->cancelled;
}

// What of the URL decides: the host, for messages and for whether a password may go out in clear.
struct target {
    const char *host;
    bool has_user, is_smtps;
};

static enum sok_status read_target(
    struct sok_arena *arena, const char *text, struct target *ret, struct sok_error *err)
{
    char *host = NULL, *user = NULL, *scheme = NULL;
    CURLU *url = curl_url();
    bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
    if (good) {
        (void)curl_url_get(url, CURLUPART_USER, &user, 0);
        *ret = (struct target){
            .host = sok_strdup(arena, host),
            .has_user = !sok_text_empty(user),
            .is_smtps = strcasecmp(scheme, "smtps") == 0};
    }
    curl_free(host);
    curl_free(user);
    curl_free(scheme);
    curl_url_cleanup(url);
    return good ? SOK_OK : sok_fail(err, SOK_INVALID, "the mail server's URL is none");
}

static bool is_this_machine(struct sok_arena *arena, const char *host)
{
    struct sok_address address;
    size_t len = strlen(host);
    const char *bare = host[0] == '[' && len > 2 ? sok_strndup(arena, host + 1, len - 2) : host;
    return strcasecmp(host, "localhost") == 0 ||
           (sok_address_parse(bare, &address) && sok_address_is_loopback(&address));
}

static enum sok_status explain(CURL *easy, CURLcode code, const char *host, struct sok_error *err)
{
    long answer = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer);
    switch (code) {
    case CURLE_OK:
        return SOK_OK;
    case CURLE_ABORTED_BY_CALLBACK:
        return sok_fail(err, SOK_CANCELLED, "sending a mail was stopped");
    case CURLE_OPERATION_TIMEDOUT:
        return sok_fail(err, SOK_TIMEOUT, "the mail server %s does not answer in time", host);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return sok_fail(
            err, SOK_DENIED, "the certificate of the mail server %s is not trusted; see SOKOUL_SMTP_CA",
            host);
    case CURLE_USE_SSL_FAILED:
        return sok_fail(
            err, SOK_DENIED, "the mail server %s offers no STARTTLS, and the password would go out in clear",
            host);
    case CURLE_LOGIN_DENIED:
        return sok_fail(err, SOK_DENIED, "the mail server %s does not take the user name and password", host);
    default:
        if (answer >= 500)
            return sok_fail(err, SOK_DENIED, "the mail server %s refuses the mail (%ld)", host, answer);
        if (answer >= 400)
            return sok_fail(err, SOK_UNAVAILABLE, "the mail server %s puts the mail off (%ld)", host, answer);
        return sok_fail(
            err, SOK_UNAVAILABLE, "the mail server %s cannot be used: %s", host, curl_easy_strerror(code));
    }
}

static void set_up(
    CURL *easy, const struct sok_mail_server *server, const struct target *target, bool needs_tls,
    struct upload *upload, int64_t timeout_ms)
{
    curl_easy_setopt(easy, CURLOPT_URL, server->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); // none of the environment
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)(needs_tls ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    if (server->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, server->ca_file);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_message);
    curl_easy_setopt(easy, CURLOPT_READDATA, upload);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_for_the_end);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, upload);
}

enum sok_status sok_mail_send(
    const struct sok_mail_server *server, const struct sok_mail *mail, int64_t now_ms, int64_t timeout_ms,
    const _Atomic bool *cancelled, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct upload upload = {.cancelled = cancelled};
    struct sok_mailbox from, to;
    struct target target = {0};
    char id[SOK_UUID_LEN + 1];
    sok_uuid7(now_ms, id);
    SOK_TRY(read_target(arena, server->url, &target, err));
    SOK_TRY(sok_mailbox_parse(arena, mail->from, &from, err));
    SOK_TRY(sok_mailbox_parse(arena, mail->to, &to, err));
    SOK_TRY(sok_mail_format(arena, mail, id, now_ms, &upload.message, &upload.len, err));
    bool needs_tls = target.is_smtps || (target.has_user && !is_this_machine(arena, target.host));
    CURL *easy = curl_easy_init();
    struct curl_slist *recipients = curl_slist_append(NULL, sok_format(arena, "<%s>", to.address));
    if (!easy || !recipients)
        sok_panic("out of memory for a mail");
    set_up(easy, server, &target, needs_tls, &upload, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, sok_format(arena, "<%s>", from.address));
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, recipients);
    enum sok_status status = explain(easy, curl_easy_perform(easy), target.host, err);
    curl_slist_free_all(recipients);
    curl_easy_cleanup(easy);
    return status;
}
