// A server of PostgreSQL that takes connections and says nothing, which needs no PostgreSQL.
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/db/drivers/postgres.h"
#include "base/test.h"

#define FOREVER_MS 600000

struct fixture {
    int listener;
    int port;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(f->listener, 16), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&at, &len), 0);
    f->port = ntohs(at.sin_port);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

// libpq itself would wait for ten minutes, and does until the server hangs up.
static void init_pool(const struct fixture *f, struct sok_pg_pool *pool, const char *hosts)
{
    char url[160];
    snprintf(url, sizeof(url), "postgresql://u@%s/x?connect_timeout=600", hosts);
    const struct sok_pg_server server = {.url = url, .setting = "TEST", .query_ms = 1000};
    sok_pg_pool_init(pool, &server, 4);
}

static void hang_up(const struct fixture *f, int accepted)
{
    close(f->listener);
    close(accepted);
}

static void expect_away(struct sok_pg_pool *pool, int64_t wait_ms)
{
    struct sok_error err = {0};
    struct sok_pg_conn *conn = NULL;
    size_t in_use;
    assert_int_equal(sok_pg_pool_take(pool, wait_ms, &conn, &in_use, &err), SOK_UNAVAILABLE);
    assert_string_equal(err.code, SOK_DB_AWAY);
    assert_int_equal(err.retry_after_s, 1);
    assert_null(conn);
}

// Who comes second would have to wait for ten minutes, if somebody had not waited in vain already.
static void nobody_waits_longer_than_it_may_for_a_silent_server(void **state)
{
    struct fixture *f = *state;
    struct sok_pg_pool pool;
    char host[32];
    snprintf(host, sizeof(host), "127.0.0.1:%d", f->port);
    init_pool(f, &pool, host);
    expect_away(&pool, 50);
    int accepted = accept(f->listener, NULL, NULL); // it is still being tried
    assert_true(accepted >= 0);
    for (int i = 0; i < 20; i++)
        expect_away(&pool, FOREVER_MS);
    hang_up(f, accepted);
    sok_pg_pool_done(&pool);
}

static void nor_where_the_silent_one_is_the_first_of_several(void **state)
{
    struct fixture *f = *state;
    struct sok_pg_pool pool;
    char hosts[64];
    snprintf(hosts, sizeof(hosts), "127.0.0.1:%d,127.0.0.1:1", f->port);
    init_pool(f, &pool, hosts);
    expect_away(&pool, 50);
    int accepted = accept(f->listener, NULL, NULL);
    assert_true(accepted >= 0);
    expect_away(&pool, FOREVER_MS);
    hang_up(f, accepted);
    sok_pg_pool_done(&pool);
}

// All who wait hear of it when it is refused, and not one after the other.
static void who_waits_hears_of_a_server_that_hangs_up(void **state)
{
    struct fixture *f = *state;
    struct sok_pg_pool pool;
    char host[32];
    snprintf(host, sizeof(host), "127.0.0.1:%d", f->port);
    init_pool(f, &pool, host);
    close(f->listener);
    expect_away(&pool, FOREVER_MS);
    expect_away(&pool, FOREVER_MS);
    sok_pg_pool_done(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            nobody_waits_longer_than_it_may_for_a_silent_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nor_where_the_silent_one_is_the_first_of_several, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_hears_of_a_server_that_hangs_up, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
