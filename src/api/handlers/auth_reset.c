// A forgotten password: asking for a link, and using it.
#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "api/reset_mail.h"
#include "base/text.h"
#include "services/auth/reset.h"

#define TEXT_MAX 1024

enum sok_status sok_auth_forgot(struct sok_request *request, struct sok_error *err)
{
    const char *email = sok_api_text(request, "email", true, TEXT_MAX, err);
    if (err->field_count)
        return err->status;
    email = sok_text_trim(request->arena, email); // as it was counted (sok_api_admit)
    if (!sok_reset_mail_send(
            sok_api_of(request)->reset_mail, email, request->client_ip, request->request_id)) {
        enum sok_status status = sok_fail(err, SOK_UNAVAILABLE, "too many mails are waiting");
        err->code = "overloaded";
        err->retry_after_s = 60;
        return status;
    }
    json_t *body = json_object();
    sok_json_set_text(body, "detail", "if an account has this address, a mail is on its way");
    sok_reply_json(request, 202, body);
    return SOK_OK;
}

enum sok_status sok_auth_reset(struct sok_request *request, struct sok_error *err)
{
    struct sok_user user;
    const char *token = sok_api_text(request, "token", true, TEXT_MAX, err);
    const char *password = sok_api_text(request, "password", true, TEXT_MAX, err);
    const json_t *keys = json_object_get(request->json, "end_api_keys");
    if (keys && !json_is_boolean(keys))
        sok_fail_field(err, "end_api_keys", "wrong_type", "must be true or false");
    SOK_TRY(sok_reset_check(sok_api_of(request)->auth, request->arena, token, password, err));
    if (err->field_count)
        return err->status;
    bool end_keys = json_is_true(keys);
    SOK_TRY(
        sok_reset_finish(sok_api_of(request)->auth, request->arena, token, password, end_keys, &user, err));
    sok_auth_note_caller(request, &user);
    sok_api_audit(
        request, "password_reset", "user", user.id, NULL,
        end_keys ? "{\"api_keys_ended\":true}" : "{\"api_keys_ended\":false}");
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}
