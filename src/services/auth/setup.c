#include "services/auth/setup.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/rand.h"
#include "base/text.h"
#include "data/users.h"
#include "services/auth/keyfiles.h"

#define TOKEN_FILE "setup-token"
#define TOKEN_BYTES 24

static enum sok_status read_token(
    int dir, struct sok_arena *arena, const char **ret_token, struct sok_error *err)
{
    size_t len = 0;
    const char *token = NULL;
    SOK_TRY(sok_keyfiles_read(dir, TOKEN_FILE, 128, arena, &token, &len, err));
    if (len < 16 || strlen(token) != len)
        return sok_fail(err, SOK_INVALID, "the key file " TOKEN_FILE " is broken: remove it");
    *ret_token = token;
    return SOK_OK;
}

enum sok_status sok_setup_token(
    struct sok_db *db, const char *data_dir, struct sok_arena *arena, const char **ret_token,
    struct sok_error *err)
{
    int64_t users = 0;
    SOK_TRY(sok_users_count(sok_db_reader(db), NULL, &users, err));
    if (users > 0)
        return sok_fail(err, SOK_NOT_FOUND, "there are users already");
    SOK_KEYFILES_AUTO dir = -1;
    SOK_TRY(sok_keyfiles_open(data_dir, &dir, err));
    enum sok_status status = read_token(dir, arena, ret_token, err);
    if (status != SOK_NOT_FOUND)
        return status;
    char fresh[64];
    sok_random_token(TOKEN_BYTES, fresh, sizeof(fresh));
    status = sok_keyfiles_write(dir, TOKEN_FILE, fresh, strlen(fresh), err);
    if (status != SOK_OK && status != SOK_CONFLICT) // another process was first: its token counts
        return status;
    return read_token(dir, arena, ret_token, err);
}

bool sok_setup_matches(const char *data_dir, const char *token)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_KEYFILES_AUTO dir = -1;
    const char *real = NULL;
    if (!token || sok_keyfiles_open(data_dir, &dir, NULL) != SOK_OK ||
        read_token(dir, arena, &real, NULL) != SOK_OK || !real)
        return false;
    return sok_bytes_eq_secret(token, strlen(token), real, strlen(real));
}

void sok_setup_done(const char *data_dir)
{
    SOK_KEYFILES_AUTO dir = -1;
    if (sok_keyfiles_open(data_dir, &dir, NULL) == SOK_OK)
        unlinkat(dir, TOKEN_FILE, 0);
}
