#include "api/reset_mail.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/api.h"
#include "api/middleware/middleware.h"
#include "base/text.h"
#include "data/audit.h"
#include "net/mail.h"
#include "runtime/log.h"
#include "runtime/pool.h"
#include "services/auth/reset.h"

#define WAITING_MAX 64
#define SEND_TIMEOUT_MS 20000
#define LOOK_MS 100 // how soon the end is noticed

static const int64_t pauses_ms[] = {0, 2000, 10000}; // before each try

struct sok_reset_mail {
    struct sok_api *api;
    struct sok_pool *pool;
    _Atomic bool stopping;
};

struct job {
    struct sok_reset_mail *mails;
    char *email, *client_ip, *request_id;
};

struct sok_reset_mail *sok_reset_mail_new(struct sok_api *api)
{
    struct sok_reset_mail *mails = calloc(1, sizeof(*mails));
    if (!mails)
        sok_panic("out of memory for the mails");
    mails->api = api;
    mails->pool = sok_pool_new("sok-mail", 1, WAITING_MAX);
    return mails;
}

struct sok_reset_mail *sok_reset_mail_free(struct sok_reset_mail *mails)
{
    if (!mails)
        return NULL;
    mails->stopping = true;
    sok_pool_free(mails->pool);
    free(mails);
    return NULL;
}

// --- In the thread.

static bool rest(struct sok_reset_mail *mails, int64_t ms)
{
    const struct timespec look = {.tv_nsec = (long)LOOK_MS * 1000000};
    for (int64_t slept = 0; slept < ms && !mails->stopping; slept += LOOK_MS)
        nanosleep(&look, NULL);
    return !mails->stopping;
}

// The sender where none is configured: a name of ours at the address people see.
static const char *sender(struct sok_arena *arena, const struct sok_config *config)
{
    const char *host = config->public_url ? strstr(config->public_url, "://") : NULL;
    if (config->smtp_from)
        return config->smtp_from;
    host = host ? sok_strndup(arena, host + 3, strcspn(host + 3, ":/?#[")) : "";
    return sok_format(arena, "Sokoul <sokoul@%s>", *host ? host : "localhost");
}

static void deliver(
    struct sok_reset_mail *mails, struct sok_arena *arena, const struct sok_user *user, const char *link)
{
    const struct sok_config *config = mails->api->config;
    struct sok_mail_server server = {.url = config->smtp_url, .ca_file = config->smtp_ca};
    struct sok_mail mail = {
        .from = sender(arena, config),
        .to = user->email,
        .subject = "A new password for Sokoul",
        .text = sok_format(
            arena,
            "Hello %s,\n\nsomebody, you we hope, asked for a new password for your account. This link "
            "takes it, once and\nwithin an hour:\n\n%s\n\nIf it was not you, there is nothing to do: your "
            "password stays as it is.\n",
            user->username, link)};
    struct sok_error err = {0};
    enum sok_status status = SOK_CANCELLED;
    for (size_t i = 0; i < SOK_ARRAY_LEN(pauses_ms); i++) {
        if (!rest(mails, pauses_ms[i]))
            break;
        err = (struct sok_error){0};
        status = sok_mail_send(
            &server, &mail, sok_clock_now_ms(mails->api->clock), SEND_TIMEOUT_MS, &mails->stopping, &err);
        if (status == SOK_OK || !sok_status_info(status)->retry)
            break;
        sok_log_error(SOK_LOG_WARN, SOK_LOG_AUTH, "a mail for a new password could not be sent", &err);
    }
    sok_metric_add(
        mails->api->metrics, SOK_METRIC_MAILS, 1, status == SOK_OK ? SOK_SENDING_SENT : SOK_SENDING_FAILED, 0,
        0);
    if (status == SOK_OK)
        sok_log(
            SOK_LOG_INFO, SOK_LOG_AUTH, "a mail for a new password was sent",
            SOK_TEXT("action", "password_mail"), SOK_TEXT("user_id", user->id));
    else
        sok_log_error(SOK_LOG_ERROR, SOK_LOG_AUTH, "a mail for a new password was given up", &err);
}

static void write_audit(const struct job *job, const char *user_id)
{
    struct sok_audit entry = {
        .action = "password_reset_requested",
        .resource = "user",
        .resource_id = user_id,
        .ip_address = job->client_ip,
        .request_id = job->request_id};
    sok_api_audit_entry(job->mails->api, &entry);
}

static void answer(const struct job *job, struct sok_arena *arena)
{
    struct sok_api *api = job->mails->api;
    char token[SOK_RESET_TOKEN_SIZE];
    struct sok_user user;
    struct sok_error err = {0};
    enum sok_status status = sok_reset_start(api->auth, arena, job->email, &user, token, &err);
    if (status == SOK_NOT_FOUND || status == SOK_LIMITED) {
        sok_log(
            SOK_LOG_INFO, SOK_LOG_AUTH, "no mail for a new password", SOK_TEXT("action", "password_forgot"),
            SOK_TEXT("reason", sok_status_info(status)->code), SOK_TEXT("ip", job->client_ip));
        return;
    }
    if (status != SOK_OK) {
        sok_log_error(SOK_LOG_ERROR, SOK_LOG_AUTH, "no mail for a new password", &err);
        return;
    }
    write_audit(job, user.id);
    const char *link =
        sok_format(arena, "%s/reset?token=%s", sok_api_web_address(api->config, arena, 0), token);
    if (api->config->smtp_url)
        deliver(job->mails, arena, &user, link);
    else
        sok_log(
            SOK_LOG_WARN, SOK_LOG_AUTH, "no mail server is configured: give this link to the user",
            SOK_TEXT("username", user.username), SOK_TEXT("link", link));
    sok_wipe(token, sizeof(token));
}

static void run(void *context)
{
    struct job *job = context;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    sok_log_set_context(job->request_id ? job->request_id : "", "");
    if (!job->mails->stopping)
        answer(job, arena);
    sok_log_set_context("", "");
    free(job->email);
    free(job->client_ip);
    free(job->request_id);
    free(job);
}

// --- From the handler.

static char *copy_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        sok_panic("out of memory for a mail");
    return copy;
}

bool sok_reset_mail_send(
    struct sok_reset_mail *mails, const char *email, const char *client_ip, const char *request_id)
{
    struct job *job = calloc(1, sizeof(*job));
    if (!job)
        sok_panic("out of memory for a mail");
    *job = (struct job){mails, copy_text(email), copy_text(client_ip), copy_text(request_id)};
    if (sok_pool_submit(mails->pool, run, job))
        return true;
    free(job->email);
    free(job->client_ip);
    free(job->request_id);
    free(job);
    return false;
}
