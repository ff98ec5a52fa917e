#include "services/uploads/clamd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/test.h"
#include "base/text.h"

#define SOON_MS 300
#define LONG_MS 20000

// --- A scanner with faults: reads what INSTREAM promises, then does what the test says.

enum behaviour {
    ANSWERS, // with `answer`, and keeps the connection
    ANSWERS_HANGS_UP,
    ANSWERS_EARLY,  // after the first chunk, and reads no more
    HANGS_UP_FIRST, // before reading anything
    HANGS_UP_AFTER, // after reading all
    READS_NOTHING,  // and says nothing
    READS_SAYS_NOTHING,
    TRICKLES // the answer, byte by byte
};

struct scanner {
    enum behaviour behaviour;
    const char *answer;
    size_t answer_len;
    int listener, connection;
    char address[160], path[108];
    pthread_t thread;
    // What it got.
    char command[32];
    char *bytes;
    size_t len, chunks;
    bool is_whole; // up to the chunk of length 0
    bool is_joined;
};

static bool read_exactly(int fd, void *to, size_t len)
{
    for (size_t have = 0; have < len;) {
        ssize_t got = read(fd, (char *)to + have, len - have);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

static void read_chunks(struct scanner *scanner, size_t max)
{
    uint32_t header;
    while (scanner->chunks < max && read_exactly(scanner->connection, &header, sizeof(header))) {
        size_t len = ntohl(header);
        if (!len) {
            scanner->is_whole = true;
            return;
        }
        scanner->bytes = realloc(scanner->bytes, scanner->len + len);
        if (!read_exactly(scanner->connection, scanner->bytes + scanner->len, len))
            return;
        scanner->len += len;
        scanner->chunks++;
    }
}

static void say(const struct scanner *scanner, bool slowly)
{
    for (size_t at = 0; at < scanner->answer_len; at += slowly ? 1 : scanner->answer_len)
        if (send(scanner->connection, scanner->answer + at, slowly ? 1 : scanner->answer_len, MSG_NOSIGNAL) <
            0)
            return;
}

static void *scan(void *context)
{
    struct scanner *scanner = context;
    scanner->connection = accept(scanner->listener, NULL, NULL);
    enum behaviour behaviour = scanner->behaviour;
    if (behaviour != HANGS_UP_FIRST && behaviour != READS_NOTHING) {
        for (size_t i = 0;
             i < sizeof(scanner->command) && read_exactly(scanner->connection, scanner->command + i, 1); i++)
            if (!scanner->command[i])
                break;
        if (strcmp(scanner->command, "zINSTREAM") == 0)
            read_chunks(scanner, behaviour == ANSWERS_EARLY ? 1 : SIZE_MAX);
    }
    if (behaviour == ANSWERS || behaviour == ANSWERS_HANGS_UP || behaviour == ANSWERS_EARLY ||
        behaviour == TRICKLES)
        say(scanner, behaviour == TRICKLES);
    if (behaviour == HANGS_UP_FIRST || behaviour == HANGS_UP_AFTER || behaviour == ANSWERS_HANGS_UP)
        shutdown(scanner->connection, SHUT_RDWR);
    return NULL;
}

static void start_tcp(struct scanner *scanner)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(name);
    scanner->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(scanner->listener, (struct sockaddr *)&name, sizeof(name)));
    assert_int_equal(0, getsockname(scanner->listener, (struct sockaddr *)&name, &len));
    snprintf(scanner->address, sizeof(scanner->address), "tcp:127.0.0.1:%d", ntohs(name.sin_port));
}

static void start_unix(struct scanner *scanner)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/sokoul-clamd-XXXXXX";
    assert_non_null(mkdtemp(folder));
    snprintf(scanner->path, sizeof(scanner->path), "%s/socket", folder);
    memcpy(name.sun_path, scanner->path, strlen(scanner->path));
    scanner->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(scanner->listener, (struct sockaddr *)&name, sizeof(name)));
    snprintf(scanner->address, sizeof(scanner->address), "unix:%s", scanner->path);
}

static void start(
    struct scanner *scanner, enum behaviour behaviour, const char *answer, size_t len, bool is_unix)
{
    *scanner = (struct scanner){.behaviour = behaviour, .answer = answer, .answer_len = len};
    (is_unix ? start_unix : start_tcp)(scanner);
    assert_int_equal(0, listen(scanner->listener, 4));
    assert_int_equal(0, pthread_create(&scanner->thread, NULL, scan, scanner));
}

static void join(struct scanner *scanner)
{
    if (!scanner->is_joined)
        pthread_join(scanner->thread, NULL);
    scanner->is_joined = true;
}

static void stop(struct scanner *scanner)
{
    join(scanner);
    close(scanner->connection);
    close(scanner->listener);
    free(scanner->bytes);
    if (*scanner->path) {
        unlink(scanner->path);
        *strrchr(scanner->path, '/') = 0;
        rmdir(scanner->path);
    }
}

#define SAYS(text) ANSWERS, text, sizeof(text) // with its NUL

// --- Tests

static void a_file_arrives_whole_and_in_order(void **state)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 3000000};
    for (size_t i = 0; i < SOK_ARRAY_LEN(sizes) * 2; i++) {
        size_t len = sizes[i / 2];
        char *bytes = malloc(len + 1);
        for (size_t k = 0; k < len; k++)
            bytes[k] = (char)(k * 31 >> 3);
        struct scanner scanner;
        struct sok_clamd_verdict verdict = {.is_infected = true};
        struct sok_error err = {0};
        start(&scanner, SAYS("stream: OK"), i % 2);
        assert_ok(sok_clamd_scan(scanner.address, bytes, len, LONG_MS, &verdict, &err));
        assert_false(verdict.is_infected);
        join(&scanner);
        assert_string_equal("zINSTREAM", scanner.command);
        assert_true(scanner.is_whole);
        assert_int_equal(len, scanner.len);
        assert_memory_equal(bytes, scanner.bytes, len);
        stop(&scanner);
        free(bytes);
    }
}

static void answers_mean_what_they_say(void **state)
{
    static const struct {
        const char *answer;
        enum sok_status status;
        const char *code, *signature;
    } rows[] = {
        {"stream: OK", SOK_OK, NULL, ""},
        {"stream: Eicar-Test-Signature FOUND", SOK_OK, NULL, "Eicar-Test-Signature"},
        {"stream: A name with blanks FOUND", SOK_OK, NULL, "A name with blanks"},
        {"stream: a\x1b[31m\xffz FOUND", SOK_OK, NULL, "a?[31m?z"},
        {"INSTREAM size limit exceeded. ERROR", SOK_TOO_LARGE, NULL, NULL},
        {"stream: OK FOUND", SOK_OK, NULL, "OK"},
        {"stream:  FOUND", SOK_UNAVAILABLE, "scanner_unavailable", NULL},
        {"stream: FOUND", SOK_UNAVAILABLE, "scanner_unavailable", NULL},
        {"stream: OK\n", SOK_UNAVAILABLE, "scanner_unavailable", NULL},
        {"stream: ok", SOK_UNAVAILABLE, "scanner_unavailable", NULL},
        {"OK", SOK_UNAVAILABLE, "scanner_unavailable", NULL},
        {"", SOK_UNAVAILABLE, "scanner_unavailable", NULL},
        {"HTTP/1.1 200 OK", SOK_UNAVAILABLE, "scanner_unavailable", NULL},
        {"stream: Can't allocate memory ERROR", SOK_UNAVAILABLE, "scanner_unavailable", NULL},
        {"UNKNOWN COMMAND", SOK_UNAVAILABLE, "scanner_unavailable", NULL},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_clamd_verdict verdict = {0};
        struct sok_error err = {0};
        enum sok_status status =
            sok_clamd_read_answer(rows[i].answer, strlen(rows[i].answer), &verdict, &err);
        if (status != rows[i].status || (rows[i].code && !sok_text_eq(rows[i].code, err.code)))
            fail_msg("%s: %d %s", rows[i].answer, status, err.message);
        if (rows[i].signature)
            assert_string_equal(rows[i].signature, verdict.signature);
        assert_int_equal(status == SOK_OK && *verdict.signature, verdict.is_infected);
    }
}

static void a_name_is_cut_and_nothing_is_written_behind_it(void **state)
{
    char answer[1000];
    memset(answer, 'x', sizeof(answer));
    memcpy(answer, "stream: ", 8);
    memcpy(answer + sizeof(answer) - 6, " FOUND", 6);
    struct sok_clamd_verdict verdict;
    assert_ok(sok_clamd_read_answer(answer, sizeof(answer), &verdict, NULL));
    assert_int_equal(SOK_CLAMD_SIGNATURE_SIZE - 1, strlen(verdict.signature));
}

static void a_scanner_may_hang_up_or_speak_slowly_once_it_has_said_all(void **state)
{
    static const struct {
        enum behaviour behaviour;
        size_t len;
    } rows[] = {
        {ANSWERS, 16},
        {ANSWERS_HANGS_UP, 16},
        {ANSWERS_HANGS_UP, 15},
        {TRICKLES, 16}}; // with its NUL, or not
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct scanner scanner;
        struct sok_clamd_verdict verdict = {0};
        start(&scanner, rows[i].behaviour, "stream: X FOUND", rows[i].len, false);
        assert_ok(sok_clamd_scan(scanner.address, "bytes", 5, LONG_MS, &verdict, NULL));
        assert_string_equal("X", verdict.signature);
        stop(&scanner);
    }
}

static void every_fault_is_an_unavailable_scanner_and_never_a_clean_file(void **state)
{
    static char endless[4096];
    memset(endless, 'a', sizeof(endless));
    static char file[4 << 20]; // more than sockets take while nobody reads
    const struct {
        enum behaviour behaviour;
        const char *answer;
        size_t answer_len;
        int64_t timeout_ms;
        const char *says;
    } rows[] = {
        {HANGS_UP_FIRST, "", 0, LONG_MS, "hung up"},
        {HANGS_UP_AFTER, "", 0, LONG_MS, "hung up"},
        {READS_NOTHING, "", 0, SOON_MS, "too long"},
        {READS_SAYS_NOTHING, "", 0, SOON_MS, "too long"},
        {ANSWERS, "stream: O", 9, SOON_MS, "too long"}, // and nothing more
        {ANSWERS_HANGS_UP, "stream: O", 9, LONG_MS, "is none"},
        {ANSWERS, endless, sizeof(endless), LONG_MS, "without an end"},
        {ANSWERS, "", 1, LONG_MS, "without an answer"},
        {ANSWERS, "SSH-2.0-OpenSSH\r\n", 18, LONG_MS, "is none"},
        {ANSWERS_EARLY, "stream: boom ERROR", 19, LONG_MS, "an error"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows) * 2; i++) {
        struct scanner scanner;
        struct sok_clamd_verdict verdict = {0};
        struct sok_error err = {0};
        start(&scanner, rows[i / 2].behaviour, rows[i / 2].answer, rows[i / 2].answer_len, i % 2);
        size_t len = rows[i / 2].behaviour == READS_NOTHING || rows[i / 2].behaviour == ANSWERS_EARLY
                         ? sizeof(file)
                         : 1000;
        assert_int_equal(
            SOK_UNAVAILABLE,
            sok_clamd_scan(scanner.address, file, len, rows[i / 2].timeout_ms, &verdict, &err));
        assert_string_equal("scanner_unavailable", err.code);
        assert_true(err.retry_after_s > 0);
        if (!strstr(err.message, rows[i / 2].says))
            fail_msg("%zu: %s", i / 2, err.message);
        stop(&scanner);
    }
}

static void a_file_over_the_scanners_limit_is_too_large(void **state)
{
    static char file[4 << 20];
    static const char answer[] = "INSTREAM size limit exceeded. ERROR";
    struct scanner scanner;
    struct sok_clamd_verdict verdict;
    struct sok_error err = {0};
    start(&scanner, ANSWERS_EARLY, answer, sizeof(answer), false);
    assert_int_equal(
        SOK_TOO_LARGE, sok_clamd_scan(scanner.address, file, sizeof(file), LONG_MS, &verdict, &err));
    stop(&scanner);
}

static void nobody_there_is_an_unavailable_scanner(void **state)
{
    static const char *const addresses[] = {
        "unix:/nonexistent/clamd", "unix:/etc/passwd", "unix:",   "tcp:127.0.0.1:1", "tcp:[::1]:1",
        "tcp:nowhere.invalid:1",   "tcp:127.0.0.1",    "nonsense"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(addresses); i++) {
        struct sok_clamd_verdict verdict;
        struct sok_error err = {0};
        assert_int_equal(SOK_UNAVAILABLE, sok_clamd_scan(addresses[i], "x", 1, LONG_MS, &verdict, &err));
        assert_string_equal("scanner_unavailable", err.code);
        assert_int_equal(SOK_UNAVAILABLE, sok_clamd_ping(addresses[i], LONG_MS, &err));
    }
}

static void ping_wants_a_pong(void **state)
{
    static const struct {
        const char *answer;
        size_t len;
        enum sok_status status;
    } rows[] = {
        {"PONG", 5, SOK_OK},
        {"PING", 5, SOK_UNAVAILABLE},
        {"", 1, SOK_UNAVAILABLE},
        {"PONGPONG", 9, SOK_UNAVAILABLE}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct scanner scanner;
        start(&scanner, ANSWERS, rows[i].answer, rows[i].len, false);
        assert_int_equal(rows[i].status, sok_clamd_ping(scanner.address, LONG_MS, NULL));
        join(&scanner);
        assert_string_equal("zPING", scanner.command);
        stop(&scanner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_arrives_whole_and_in_order),
        cmocka_unit_test(answers_mean_what_they_say),
        cmocka_unit_test(a_name_is_cut_and_nothing_is_written_behind_it),
        cmocka_unit_test(a_scanner_may_hang_up_or_speak_slowly_once_it_has_said_all),
        cmocka_unit_test(every_fault_is_an_unavailable_scanner_and_never_a_clean_file),
        cmocka_unit_test(a_file_over_the_scanners_limit_is_too_large),
        cmocka_unit_test(nobody_there_is_an_unavailable_scanner),
        cmocka_unit_test(ping_wants_a_pong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
