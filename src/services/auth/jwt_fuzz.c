// Tokens, in two ways. Without a line feed the input is the token itself. With one it is
// "<how><header>\n<claims>", of which the target makes a token signed with our own key ("@KID@" in the header
// becomes its id), so that what lies behind the signature is reached too. Whatever comes: an accepted token
// is an access token for a user and a session.
#include <stdlib.h>
#include <string.h>

#include "services/auth/jwt.h"
#include "services/auth/jwt_forge.h"
#include "services/auth/test_dir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct sok_clock_manual time_now;
static struct sok_keys *keys;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct sok_test_dir dir;
    struct sok_error err = {0};
    sok_test_dir_make(&dir);
    sok_clock_manual_init(&time_now, INT64_C(1800000000000));
    if (sok_keys_open(dir.path, &time_now.clock, &keys, &err) != SOK_OK)
        sok_panic("%s", err.message);
    sok_test_dir_remove(dir.path);
    return 0;
}

static const char *with_key_id(struct sok_arena *arena, const char *header)
{
    const char *at = strstr(header, "@KID@");
    if (!at)
        return header;
    return sok_format(arena, "%.*s%s%s", (int)(at - header), header, sok_keys_signer(keys)->id, at + 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct sok_arena *arena = sok_arena_new(0);
    struct sok_jwt *jwt = sok_jwt_new(keys, &time_now.clock);
    struct sok_claims claims = {0};
    struct sok_error err = {0};
    const char *text = sok_strndup(arena, (const char *)data, len);
    const char *end = strchr(text, '\n');
    if (end && end > text) {
        const char *header = with_key_id(arena, sok_strndup(arena, text + 1, (size_t)(end - text - 1)));
        text = sok_forge_token(arena, header, end + 1, sok_keys_signer(keys), (unsigned char)text[0] % 5);
    }
    for (int round = 0; round < 2; round++) {
        if (sok_jwt_verify(jwt, text, SOK_TOKEN_ACCESS, &claims, &err) == SOK_OK &&
            (claims.type != SOK_TOKEN_ACCESS || strlen(claims.user_id) != SOK_UUID_LEN ||
             strlen(claims.session_id) != SOK_UUID_LEN || claims.expires_at <= time_now.at_ms))
            sok_panic("a token was accepted that says too little");
    }
    sok_jwt_free(jwt);
    sok_arena_free(arena);
    return 0;
}
