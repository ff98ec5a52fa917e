#include "services/auth/jwt.h"

#include "base/test.h"
#include "services/auth/jwt_forge.h"
#include "services/auth/test_dir.h"

#define NOW INT64_C(1800000000000)
#define USER "01900000-0000-7000-8000-000000000001"
#define SESSION "01900000-0000-7000-8000-000000000002"
#define TOKEN "01900000-0000-7000-8000-000000000003"
#define ALL_CLAIMS                                                                                         \
    "\"iss\":\"sokoul\",\"aud\":\"sokoul-api\",\"typ\":\"access\",\"sub\":\"" USER "\",\"sid\":\"" SESSION \
    "\",\"jti\":\"" TOKEN "\""
#define TIMES "\"iat\":1800000000,\"nbf\":1800000000,\"exp\":1800003600"

static struct sok_test_dir dir;
static struct sok_clock_manual time_now;
static struct sok_keys *keys;
static struct sok_jwt *jwt;
static struct sok_arena *arena;

static int setup_group(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    sok_test_dir_make(&dir);
    sok_clock_manual_init(&time_now, NOW);
    return sok_keys_open(dir.path, &time_now.clock, &keys, &err) == SOK_OK ? 0 : -1;
}

static int teardown_group(void **state SOK_UNUSED)
{
    keys = sok_keys_close(keys);
    sok_test_dir_remove(dir.path);
    return 0;
}

static int setup(void **state SOK_UNUSED)
{
    sok_clock_manual_init(&time_now, NOW);
    arena = sok_arena_new(0);
    jwt = sok_jwt_new(keys, &time_now.clock);
    return 0;
}

static int teardown(void **state SOK_UNUSED)
{
    jwt = sok_jwt_free(jwt);
    arena = sok_arena_free(arena);
    return 0;
}

static struct sok_claims claims_of(enum sok_token_type type)
{
    return (struct sok_claims){
        .type = type,
        .user_id = USER,
        .session_id = SESSION,
        .token_id = TOKEN,
        .issued_at = NOW,
        .expires_at = NOW + 3600000,
    };
}

static void own_token_verifies_with_all_its_claims(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_claims claims = claims_of(SOK_TOKEN_ACCESS), got = {0};
    const char *token = NULL;
    assert_ok(sok_jwt_issue(jwt, arena, &claims, "admin", &token, &err));
    for (int round = 0; round < 2; round++) { // the second one from memory
        assert_ok(sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err));
        assert_string_equal(USER, got.user_id);
        assert_string_equal(SESSION, got.session_id);
        assert_string_equal(TOKEN, got.token_id);
        assert_int_equal(NOW, got.issued_at);
        assert_int_equal(NOW + 3600000, got.expires_at);
    }
}

static void refresh_token_is_no_access_token_and_back(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_claims access = claims_of(SOK_TOKEN_ACCESS), refresh = claims_of(SOK_TOKEN_REFRESH), got;
    const char *token = NULL;
    assert_ok(sok_jwt_issue(jwt, arena, &refresh, NULL, &token, &err));
    assert_ok(sok_jwt_verify(jwt, token, SOK_TOKEN_REFRESH, &got, &err));
    assert_int_equal(SOK_UNAUTHENTICATED, sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err));
    assert_string_equal("token_invalid", err.code);
    assert_ok(sok_jwt_issue(jwt, arena, &access, NULL, &token, &err));
    assert_int_equal(SOK_UNAUTHENTICATED, sok_jwt_verify(jwt, token, SOK_TOKEN_REFRESH, &got, &err));
}

static void token_ends_at_its_second_even_when_remembered(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_claims claims = claims_of(SOK_TOKEN_ACCESS), got;
    const char *token = NULL;
    assert_ok(sok_jwt_issue(jwt, arena, &claims, NULL, &token, &err));
    sok_clock_manual_advance(&time_now, 3599999);
    assert_ok(sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err));
    sok_clock_manual_advance(&time_now, 1);
    assert_int_equal(SOK_UNAUTHENTICATED, sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err));
    assert_string_equal("token_expired", err.code);
}

static void token_of_another_server_is_refused(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_test_dir other_dir;
    struct sok_keys *other_keys = NULL;
    sok_test_dir_make(&other_dir);
    assert_ok(sok_keys_open(other_dir.path, &time_now.clock, &other_keys, &err));
    struct sok_jwt *other = sok_jwt_new(other_keys, &time_now.clock);
    struct sok_claims claims = claims_of(SOK_TOKEN_ACCESS), got;
    const char *token = NULL;
    assert_ok(sok_jwt_issue(other, arena, &claims, NULL, &token, &err));
    assert_int_equal(SOK_UNAUTHENTICATED, sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err));
    // Their signature under our key id.
    const char *header =
        sok_format(arena, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", sok_keys_signer(keys)->id);
    token = sok_forge_token(
        arena, header, "{" ALL_CLAIMS "," TIMES "}", sok_keys_signer(other_keys), SOK_FORGE_RS256);
    assert_int_equal(SOK_UNAUTHENTICATED, sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err));
    sok_jwt_free(other);
    sok_keys_close(other_keys);
    sok_test_dir_remove(other_dir.path);
}

// "%s" in a header is our key id. All are signed with our own key unless `how` says otherwise.
#define GOOD_HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}"
static const struct forged {
    const char *what, *header, *claims;
    enum sok_forge how;
} forged[] = {
    {"alg none", "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "{" ALL_CLAIMS "," TIMES "}",
     SOK_FORGE_EMPTY},
    {"alg None signed", "{\"alg\":\"None\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"no signature", GOOD_HEADER, "{" ALL_CLAIMS "," TIMES "}", SOK_FORGE_EMPTY},
    {"garbage signature", GOOD_HEADER, "{" ALL_CLAIMS "," TIMES "}", SOK_FORGE_GARBAGE},
    {"HS256 with the public key", "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
     "{" ALL_CLAIMS "," TIMES "}", SOK_FORGE_HS256_PUBLIC_PEM},
    {"RS256 header over HMAC", GOOD_HEADER, "{" ALL_CLAIMS "," TIMES "}", SOK_FORGE_HS256_PUBLIC_PEM},
    {"PS256", "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "{" ALL_CLAIMS "," TIMES "}",
     SOK_FORGE_PS256},
    {"PSS under RS256", GOOD_HEADER, "{" ALL_CLAIMS "," TIMES "}", SOK_FORGE_PS256},
    {"RS384", "{\"alg\":\"RS384\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"ES256", "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"EdDSA", "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"alg in lower case", "{\"alg\":\"rs256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "{" ALL_CLAIMS "," TIMES "}",
     0},
    {"alg twice", "{\"alg\":\"RS256\",\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
     "{" ALL_CLAIMS "," TIMES "}", 0},
    {"alg as a list", "{\"alg\":[\"RS256\"],\"typ\":\"JWT\",\"kid\":\"%s\"}", "{" ALL_CLAIMS "," TIMES "}",
     0},
    {"no alg", "{\"typ\":\"JWT\",\"kid\":\"%s\",\"x\":1}", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"no kid", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x\":\"%s\"}", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"kid null", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":null}", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"kid unknown", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"x%s\"}", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"kid a path", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"../../dev/null\"}",
     "{" ALL_CLAIMS "," TIMES "}", 0},
    {"kid with a NUL", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\\u0000\"}",
     "{" ALL_CLAIMS "," TIMES "}", 0},
    {"jwk", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"jwk\":{}}", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"jku", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"jku\":\"http://x\"}",
     "{" ALL_CLAIMS "," TIMES "}", 0},
    {"x5u", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"x5u\":\"http://x\"}",
     "{" ALL_CLAIMS "," TIMES "}", 0},
    {"x5c", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"x5c\":[]}", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"crit", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"crit\":[\"b64\"]}",
     "{" ALL_CLAIMS "," TIMES "}", 0},
    {"b64 false", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"b64\":false}",
     "{" ALL_CLAIMS "," TIMES "}", 0},
    {"typ of another kind", "{\"alg\":\"RS256\",\"typ\":\"JWE\",\"kid\":\"%s\"}",
     "{" ALL_CLAIMS "," TIMES "}", 0},
    {"header no object", "[\"RS256\"]", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"header no JSON", "RS256", "{" ALL_CLAIMS "," TIMES "}", 0},
    {"claims no JSON", GOOD_HEADER, "hello", 0},
    {"claims a list", GOOD_HEADER, "[1]", 0},
    {"claims empty", GOOD_HEADER, "{}", 0},
    {"sub twice", GOOD_HEADER, "{" ALL_CLAIMS "," TIMES ",\"sub\":\"" SESSION "\"}", 0},
    {"exp twice", GOOD_HEADER, "{" ALL_CLAIMS "," TIMES ",\"exp\":1900000000}", 0},
    {"no exp", GOOD_HEADER, "{" ALL_CLAIMS ",\"iat\":1800000000,\"nbf\":1800000000}", 0},
    {"exp text", GOOD_HEADER, "{" ALL_CLAIMS ",\"iat\":1800000000,\"nbf\":1800000000,\"exp\":\"1900000000\"}",
     0},
    {"exp real", GOOD_HEADER, "{" ALL_CLAIMS ",\"iat\":1800000000,\"nbf\":1800000000,\"exp\":1.9e9}", 0},
    {"exp beyond all years", GOOD_HEADER,
     "{" ALL_CLAIMS ",\"iat\":1800000000,\"nbf\":1800000000,\"exp\":9223372036854775807}", 0},
    {"exp negative", GOOD_HEADER, "{" ALL_CLAIMS ",\"iat\":1800000000,\"nbf\":1800000000,\"exp\":-1}", 0},
    {"expired", GOOD_HEADER, "{" ALL_CLAIMS ",\"iat\":1700000000,\"nbf\":1700000000,\"exp\":1700003600}", 0},
    {"from the future", GOOD_HEADER,
     "{" ALL_CLAIMS ",\"iat\":1800000100,\"nbf\":1800000100,\"exp\":1800003600}", 0},
    {"no iat", GOOD_HEADER, "{" ALL_CLAIMS ",\"nbf\":1800000000,\"exp\":1800003600}", 0},
    {"wrong issuer", GOOD_HEADER,
     "{\"iss\":\"other\",\"aud\":\"sokoul-api\",\"typ\":\"access\",\"sub\":\"" USER "\",\"sid\":\"" SESSION
     "\",\"jti\":\"" TOKEN "\"," TIMES "}",
     0},
    {"wrong audience", GOOD_HEADER,
     "{\"iss\":\"sokoul\",\"aud\":\"other\",\"typ\":\"access\",\"sub\":\"" USER "\",\"sid\":\"" SESSION
     "\",\"jti\":\"" TOKEN "\"," TIMES "}",
     0},
    {"audience list", GOOD_HEADER,
     "{\"iss\":\"sokoul\",\"aud\":[\"sokoul-api\"],\"typ\":\"access\",\"sub\":\"" USER "\",\"sid\":\"" SESSION
     "\",\"jti\":\"" TOKEN "\"," TIMES "}",
     0},
    {"refresh token", GOOD_HEADER,
     "{\"iss\":\"sokoul\",\"aud\":\"sokoul-api\",\"typ\":\"refresh\",\"sub\":\"" USER "\",\"sid\":\"" SESSION
     "\",\"jti\":\"" TOKEN "\"," TIMES "}",
     0},
    {"unknown type", GOOD_HEADER,
     "{\"iss\":\"sokoul\",\"aud\":\"sokoul-api\",\"typ\":\"id\",\"sub\":\"" USER "\",\"sid\":\"" SESSION
     "\",\"jti\":\"" TOKEN "\"," TIMES "}",
     0},
    {"sub no id", GOOD_HEADER,
     "{\"iss\":\"sokoul\",\"aud\":\"sokoul-api\",\"typ\":\"access\",\"sub\":\"admin\",\"sid\":\"" SESSION
     "\",\"jti\":\"" TOKEN "\"," TIMES "}",
     0},
    {"no session", GOOD_HEADER,
     "{\"iss\":\"sokoul\",\"aud\":\"sokoul-api\",\"typ\":\"access\",\"sub\":\"" USER "\",\"jti\":\"" TOKEN
     "\"," TIMES "}",
     0},
};

static void forged_tokens_are_all_refused(void **state SOK_UNUSED)
{
    const struct sok_signing_key *key = sok_keys_signer(keys);
    for (size_t i = 0; i < SOK_ARRAY_LEN(forged); i++) {
        struct sok_error err = {0};
        struct sok_claims got;
        const char *percent = strstr(forged[i].header, "%s");
        const char *header = percent ? sok_format(
                                           arena, "%.*s%s%s", (int)(percent - forged[i].header),
                                           forged[i].header, key->id, percent + 2)
                                     : forged[i].header;
        const char *token = sok_forge_token(arena, header, forged[i].claims, key, forged[i].how);
        for (int round = 0; round < 2; round++)
            if (sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err) != SOK_UNAUTHENTICATED)
                fail_msg("accepted: %s", forged[i].what);
    }
}

static void forger_itself_makes_a_good_token(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_claims got;
    const struct sok_signing_key *key = sok_keys_signer(keys);
    const char *header = sok_format(arena, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", key->id);
    const char *token = sok_forge_token(arena, header, "{" ALL_CLAIMS "," TIMES "}", key, SOK_FORGE_RS256);
    assert_ok(sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err)); // or the table above proves nothing
}

static void broken_forms_are_refused(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_claims claims = claims_of(SOK_TOKEN_ACCESS), got;
    const char *token = NULL;
    assert_ok(sok_jwt_issue(jwt, arena, &claims, NULL, &token, &err));
    char *huge = sok_alloc(arena, SOK_TOKEN_MAX_BYTES + 2);
    memset(huge, 'A', SOK_TOKEN_MAX_BYTES + 1);
    const char *const broken[] = {
        NULL,
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b",
        huge,
        sok_format(arena, "%s.", token),
        sok_format(arena, ".%s", token),
        sok_format(arena, " %s", token),
        sok_format(arena, "%s ", token),
        sok_format(arena, "%s=", token),
        sok_format(arena, "%.*s", (int)strlen(token) - 8, token),
        sok_format(arena, "%s%s", token, token),
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(broken); i++)
        assert_int_equal(SOK_UNAUTHENTICATED, sok_jwt_verify(jwt, broken[i], SOK_TOKEN_ACCESS, &got, &err));
}

static void every_changed_letter_of_a_token_is_noticed(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_claims claims = claims_of(SOK_TOKEN_ACCESS), got;
    const char *token = NULL;
    assert_ok(sok_jwt_issue(jwt, arena, &claims, NULL, &token, &err));
    for (size_t i = 0; i + 1 < strlen(token); i += 3) {
        char *changed = sok_strdup(arena, token);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(SOK_UNAUTHENTICATED, sok_jwt_verify(jwt, changed, SOK_TOKEN_ACCESS, &got, &err));
    }
}

static void token_has_one_spelling(void **state SOK_UNUSED)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct sok_error err = {0};
    struct sok_claims claims = claims_of(SOK_TOKEN_ACCESS), got;
    const char *token = NULL;
    assert_ok(sok_jwt_issue(jwt, arena, &claims, NULL, &token, &err));
    size_t last = strlen(token) - 1;
    for (const char *letter = letters; *letter; letter++) { // sixteen of them are the same signature
        char *changed = sok_strdup(arena, token);
        changed[last] = *letter;
        if (*letter != token[last])
            assert_int_equal(SOK_UNAUTHENTICATED, sok_jwt_verify(jwt, changed, SOK_TOKEN_ACCESS, &got, &err));
    }
    assert_ok(sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err));
}

// With our own key and a clock that stands still: the exact edges of every time.
static void times_are_judged_to_the_second(void **state SOK_UNUSED)
{
    const struct sok_signing_key *key = sok_keys_signer(keys);
    const char *header = sok_format(arena, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", key->id);
    static const struct {
        int iat, nbf, exp; // seconds from now
        bool good;
    } cases[] = {
        {0, 0, 1, true},     {0, 0, 0, false},    {-1, -1, 0, false},           {-2, -2, -1, false},
        {-10, -10, 1, true}, {30, 30, 31, true},  {31, 31, 3600, false},        {30, 31, 3600, false},
        {31, 30, 60, false}, {30, 30, 30, false}, {0, 1, 3600, false},          {1, 0, 3600, false},
        {5, 5, 3600, true},  {60, 60, 30, false}, {-3600, -3600, -3599, false},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_error err = {0};
        struct sok_claims got;
        long long now = NOW / 1000;
        const char *claims = sok_format(
            arena, "{" ALL_CLAIMS ",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld}", now + cases[i].iat,
            now + cases[i].nbf, now + cases[i].exp);
        const char *token = sok_forge_token(arena, header, claims, key, SOK_FORGE_RS256);
        for (int round = 0; round < 2; round++)
            if ((sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err) == SOK_OK) != cases[i].good)
                fail_msg("iat %+d nbf %+d exp %+d", cases[i].iat, cases[i].nbf, cases[i].exp);
    }
}

static void more_tokens_than_are_remembered_still_verify(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_claims claims = claims_of(SOK_TOKEN_ACCESS), got;
    const char *first = NULL, *token = NULL;
    assert_ok(sok_jwt_issue(jwt, arena, &claims, "user", &first, &err));
    assert_ok(sok_jwt_verify(jwt, first, SOK_TOKEN_ACCESS, &got, &err));
    for (int i = 0; i < 1100; i++) {
        claims.expires_at = NOW + 3600000 + i * 1000;
        assert_ok(sok_jwt_issue(jwt, arena, &claims, NULL, &token, &err));
        assert_ok(sok_jwt_verify(jwt, token, SOK_TOKEN_ACCESS, &got, &err));
        assert_int_equal(claims.expires_at, got.expires_at);
    }
    assert_ok(sok_jwt_verify(jwt, first, SOK_TOKEN_ACCESS, &got, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_token_verifies_with_all_its_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(refresh_token_is_no_access_token_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(token_ends_at_its_second_even_when_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(token_of_another_server_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(forger_itself_makes_a_good_token, setup, teardown),
        cmocka_unit_test_setup_teardown(forged_tokens_are_all_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_forms_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(every_changed_letter_of_a_token_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(token_has_one_spelling, setup, teardown),
        cmocka_unit_test_setup_teardown(times_are_judged_to_the_second, setup, teardown),
        cmocka_unit_test_setup_teardown(more_tokens_than_are_remembered_still_verify, setup, teardown),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
