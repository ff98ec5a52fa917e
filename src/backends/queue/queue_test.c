// The same cases for every driver that carries something; a driver that comes later is a row in `urls`.
#include "base/test.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/queue/drivers/nats_testing.h"
#include "backends/queue/queue.h"

// A name in capitals is a variable that names a server; ./test cluster starts one.
static const char *const urls[] = {"embedded:", "SOKOUL_TEST_NATS"};

static const char *const wrong_addresses[] = {"", ".", "a..b", "a.", ".a", "a b", "A", "a.*", "a.>"};

static void with_each(void (*test)(struct sok_queue *queue))
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(urls); i++) {
        struct sok_queue *queue;
        const char *url = i == 0 ? urls[i] : getenv(urls[i]);
        if (!url)
            continue;
        if (i == 1)
            sok_test_nats_wipe();
        assert_ok(sok_queue_open(url, &queue, NULL));
        test(queue);
        sok_queue_close(queue);
    }
}

static void check_order(struct sok_queue *queue)
{
    char first[SOK_UUID_LEN + 1], second[SOK_UUID_LEN + 1], got[SOK_UUID_LEN + 1];
    sok_uuid7(1, first);
    sok_uuid7(2, second);
    sok_queue_publish(queue, SOK_JOB_SEARCH, first);
    sok_queue_publish(queue, SOK_JOB_SEARCH, second);
    assert_ok(sok_queue_wait(queue, SOK_JOB_SCORE, 0, got, NULL));
    assert_string_equal("", got);
    assert_ok(sok_queue_wait(queue, SOK_JOB_SEARCH, 10000, got, NULL));
    assert_string_equal(first, got);
    assert_ok(sok_queue_wait(queue, SOK_JOB_SEARCH, 10000, got, NULL));
    assert_string_equal(second, got);
}

static void messages_come_in_order_to_their_own_kind(void **state)
{
    with_each(check_order);
}

static void check_flood(struct sok_queue *queue)
{
    char id[SOK_UUID_LEN + 1];
    for (int i = 0; i < 100000; i++) {
        sok_uuid7(i, id);
        sok_queue_publish(queue, SOK_JOB_DOWNLOAD, id);
    }
    assert_ok(sok_queue_wait(queue, SOK_JOB_DOWNLOAD, 10000, id, NULL));
    assert_int_equal(SOK_UUID_LEN, strlen(id));
}

static void a_flood_of_messages_is_bounded(void **state)
{
    with_each(check_flood);
}

struct slow_reader {
    sem_t gate, last_seen;
    int seen;
};

static void read_slowly(const struct sok_event *event, void *context)
{
    struct slow_reader *reader = context;
    if (reader->seen++ == 0)
        sem_wait(&reader->gate);
    if (strcmp(event->subject, "last") == 0)
        sem_post(&reader->last_seen);
}

static void check_large_events(struct sok_queue *queue)
{
    struct slow_reader reader = {.seen = 0};
    sem_init(&reader.gate, 0, 0);
    sem_init(&reader.last_seen, 0, 0);
    char *json = malloc(250001);
    memset(json, '1', 250000);
    json[250000] = '\0';
    assert_ok(sok_queue_subscribe(queue, "", read_slowly, &reader, NULL));
    for (int i = 0; i < 1000; i++) // a quarter of a gigabyte
        sok_queue_publish_event(queue, &(struct sok_event){"many", "", json});
    sok_queue_publish_event(queue, &(struct sok_event){"last", "", "{}"});
    sem_post(&reader.gate);
    sem_wait(&reader.last_seen);
    assert_in_range(reader.seen, 2, 200); // the newest are kept
    free(json);
    sem_destroy(&reader.gate);
    sem_destroy(&reader.last_seen);
}

static void large_events_are_bounded_in_bytes(void **state)
{
    with_each(check_large_events);
}

static void *wait_long(void *context)
{
    char id[SOK_UUID_LEN + 1];
    return (void *)(intptr_t)sok_queue_wait(context, SOK_JOB_MONITOR, 600000, id, NULL);
}

static void check_stop(struct sok_queue *queue)
{
    pthread_t waiters[3];
    for (size_t i = 0; i < SOK_ARRAY_LEN(waiters); i++)
        pthread_create(&waiters[i], NULL, wait_long, queue);
    sok_queue_stop(queue);
    for (size_t i = 0; i < SOK_ARRAY_LEN(waiters); i++) {
        void *status;
        pthread_join(waiters[i], &status);
        assert_int_equal(SOK_CANCELLED, (intptr_t)status);
    }
    assert_int_equal(SOK_UNAVAILABLE, sok_queue_ping(queue, 100, NULL));
}

static void stopping_wakes_every_waiter(void **state)
{
    with_each(check_stop);
}

struct seen {
    pthread_mutex_t lock;
    pthread_cond_t more;
    int count;
    char last[128];
    bool in_order;
};

static void see(const struct sok_event *event, void *context)
{
    struct seen *seen = context;
    char expected[32];
    pthread_mutex_lock(&seen->lock);
    snprintf(expected, sizeof(expected), "{\"n\":%d}", seen->count);
    seen->in_order = seen->in_order && strcmp(expected, event->json) == 0;
    snprintf(seen->last, sizeof(seen->last), "%s %s", event->subject, event->user_id);
    seen->count++;
    pthread_cond_signal(&seen->more);
    pthread_mutex_unlock(&seen->lock);
}

static void check_events(struct sok_queue *queue)
{
    struct seen all = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .in_order = true};
    struct seen other = all;
    assert_ok(sok_queue_subscribe(queue, "download.", see, &all, NULL));
    assert_ok(sok_queue_subscribe(queue, "search.", see, &other, NULL));
    for (int i = 0; i < 100; i++) {
        char json[32];
        snprintf(json, sizeof(json), "{\"n\":%d}", i);
        sok_queue_publish_event(queue, &(struct sok_event){"download.progress", "user-1", json});
    }
    pthread_mutex_lock(&all.lock);
    while (all.count < 100)
        pthread_cond_wait(&all.more, &all.lock);
    assert_true(all.in_order);
    assert_string_equal("download.progress user-1", all.last);
    pthread_mutex_unlock(&all.lock);
    assert_int_equal(0, other.count);
}

static void events_reach_subscribers_of_their_prefix_in_order(void **state)
{
    with_each(check_events);
}

// --- Letters.

struct postman {
    pthread_mutex_t lock;
    pthread_cond_t more;
    int count;
    bool in_order, whole;
};

static void take_letter(const void *bytes, size_t len, void *context)
{
    struct postman *postman = context;
    const unsigned char *letter = bytes;
    pthread_mutex_lock(&postman->lock);
    postman->in_order = postman->in_order && len > 0 && letter[0] == (unsigned char)postman->count;
    for (size_t i = 1; i < len; i++)
        postman->whole = postman->whole && letter[i] == 0;
    postman->count++;
    pthread_cond_signal(&postman->more);
    pthread_mutex_unlock(&postman->lock);
}

static void check_letters(struct sok_queue *from, struct sok_queue *to)
{
    struct postman here = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, true, true};
    struct postman other = here;
    unsigned char *letter = calloc(1, SOK_LETTER_MAX_BYTES + 1);
    assert_ok(sok_queue_listen(to, "test.here", take_letter, &here, NULL));
    assert_ok(sok_queue_listen(to, "test.here-not", take_letter, &other, NULL));
    assert_ok(sok_queue_ping(to, 10000, NULL)); // the server knows of them
    for (int i = 0; i < 100; i++) {
        letter[0] = (unsigned char)i;
        assert_ok(sok_queue_send(from, "test.here", letter, i % 2 ? SOK_LETTER_MAX_BYTES : 1, NULL));
    }
    pthread_mutex_lock(&here.lock);
    while (here.count < 100)
        pthread_cond_wait(&here.more, &here.lock);
    pthread_mutex_unlock(&here.lock);
    assert_true(here.in_order && here.whole);
    assert_int_equal(0, other.count);
    assert_int_equal(
        SOK_TOO_LARGE, sok_queue_send(from, "test.here", letter, SOK_LETTER_MAX_BYTES + 1, NULL));
    free(letter);
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong_addresses); i++) {
        assert_int_equal(SOK_INVALID, sok_queue_send(from, wrong_addresses[i], "", 0, NULL));
        assert_int_equal(SOK_INVALID, sok_queue_listen(to, wrong_addresses[i], take_letter, &here, NULL));
    }
}

static void letters_reach_their_address_whole_and_in_order(void **state)
{
    struct sok_queue *here, *there;
    assert_ok(sok_queue_open(urls[0], &here, NULL));
    check_letters(here, here);
    sok_queue_close(here);
    if (!getenv(urls[1]))
        return;
    assert_ok(sok_queue_open(getenv(urls[1]), &here, NULL));
    assert_ok(sok_queue_open(getenv(urls[1]), &there, NULL));
    check_letters(here, there);
    sok_queue_close(there); // with what may still be on its way
    sok_queue_close(here);
}

// --- NATS alone: what it carries between two processes, here two queues.

static bool wait_for(struct sok_queue *queue, const char *wanted)
{
    char got[SOK_UUID_LEN + 1] = "";
    return sok_queue_wait(queue, SOK_JOB_SCORE, 1000, got, NULL) == SOK_OK && strcmp(got, wanted) == 0;
}

static void a_job_goes_to_one_process_and_an_event_to_all(void **state)
{
    struct sok_queue *here, *there;
    char id[SOK_UUID_LEN + 1], got[SOK_UUID_LEN + 1];
    struct seen seen[2] = {
        {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .in_order = true},
        {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .in_order = true}};
    if (!getenv(urls[1]))
        skip();
    sok_test_nats_wipe();
    assert_ok(sok_queue_open(getenv(urls[1]), &here, NULL));
    assert_ok(sok_queue_open(getenv(urls[1]), &there, NULL));
    assert_ok(sok_queue_subscribe(here, "media.", see, &seen[0], NULL));
    assert_ok(sok_queue_subscribe(there, "media.", see, &seen[1], NULL));
    sok_uuid7(1, id);
    sok_queue_publish(here, SOK_JOB_SCORE, id);
    assert_ok(sok_queue_wait(there, SOK_JOB_SCORE, 10000, got, NULL));
    assert_string_equal(id, got);
    assert_ok(sok_queue_wait(here, SOK_JOB_SCORE, 200, got, NULL));
    assert_string_equal("", got);
    for (int i = 0; i < 100; i++) {
        char json[32];
        snprintf(json, sizeof(json), "{\"n\":%d}", i);
        sok_queue_publish_event(here, &(struct sok_event){"media.changed", i % 2 ? "" : "user-1", json});
    }
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&seen[i].lock);
        while (seen[i].count < 100)
            pthread_cond_wait(&seen[i].more, &seen[i].lock);
        assert_true(seen[i].in_order);
        assert_string_equal("media.changed ", seen[i].last);
        pthread_mutex_unlock(&seen[i].lock);
    }
    sok_queue_close(here);
    sok_queue_close(there);
}

struct replayed {
    int count, late;
    char last[64], last_id[SOK_UUID_LEN + 1];
};

static void note_replayed(const struct sok_event *event, void *context)
{
    struct replayed *replayed = context;
    replayed->count++;
    replayed->late += event->is_late;
    snprintf(replayed->last, sizeof(replayed->last), "%s %s %s", event->subject, event->user_id, event->json);
    snprintf(replayed->last_id, sizeof(replayed->last_id), "%s", event->id);
}

static void a_process_that_starts_hears_what_was_said_before(void **state)
{
    struct sok_queue *here, *there;
    struct replayed replayed = {0};
    char id[SOK_UUID_LEN + 1];
    assert_ok(sok_queue_open(urls[0], &here, NULL));
    assert_ok(sok_queue_replay(here, 60000, note_replayed, &replayed, NULL));
    assert_int_equal(0, replayed.count); // in one process nothing is older than its start
    sok_queue_close(here);
    if (!getenv(urls[1]))
        skip();
    sok_test_nats_wipe();
    assert_ok(sok_queue_open(getenv(urls[1]), &here, NULL));
    assert_ok(sok_queue_replay(here, 60000, note_replayed, &replayed, NULL));
    assert_int_equal(0, replayed.count); // an empty stream is soon read
    for (int i = 0; i < 20000; i++) {
        sok_uuid7(i, id);
        sok_queue_publish_event(here, &(struct sok_event){"media.changed", i % 2 ? "me" : "", "{}", id});
    }
    assert_ok(sok_queue_ping(here, 10000, NULL));
    assert_ok(sok_queue_open(getenv(urls[1]), &there, NULL));
    assert_ok(sok_queue_replay(there, 60000, note_replayed, &replayed, NULL));
    assert_int_equal(16384, replayed.count); // the newest of them
    assert_int_equal(16384, replayed.late);
    assert_string_equal("media.changed me {}", replayed.last);
    assert_string_equal(id, replayed.last_id);
    replayed.count = 0;
    assert_ok(sok_queue_replay(there, 0, note_replayed, &replayed, NULL));
    assert_int_equal(0, replayed.count); // all of them are older
    sok_test_nats_purge("EVENTS");       // as after an hour of silence: empty, but it has had messages
    assert_ok(sok_queue_replay(there, 60000, note_replayed, &replayed, NULL));
    assert_int_equal(0, replayed.count);
    sok_test_nats_wipe();
    assert_int_equal(SOK_UNAVAILABLE, sok_queue_replay(there, 60000, note_replayed, &replayed, NULL));
    sok_queue_close(there);
    sok_queue_close(here);
}

// What was published into no stream is lost, which the reconciler makes good; what comes after is not.
static void streams_that_were_wiped_come_back(void **state)
{
    struct sok_queue *queue;
    char id[SOK_UUID_LEN + 1];
    if (!getenv(urls[1]))
        skip();
    assert_ok(sok_queue_open(getenv(urls[1]), &queue, NULL));
    for (int round = 0; round < 3; round++) {
        bool arrived = false;
        sok_test_nats_wipe();
        for (int try = 0; try < 20 && !arrived; try++) {
            sok_uuid7(round * 100 + try, id);
            sok_queue_publish(queue, SOK_JOB_SCORE, id);
            arrived = wait_for(queue, id);
        }
        assert_true(arrived);
    }
    sok_queue_close(queue);
}

static void wrong_nats_urls_are_named_without_their_secrets(void **state)
{
    struct sok_queue *queue;
    struct sok_error err = {0};
    assert_int_equal(SOK_INVALID, sok_queue_open("nats://u:secret%zz@127.0.0.1", &queue, &err));
    assert_null(strstr(err.message, "secret"));
}

static void job_names_go_both_ways(void **state)
{
    for (int job = 0; job < SOK_JOB_COUNT; job++)
        assert_int_equal(job, sok_job_find(sok_job_name((enum sok_job)job)));
    assert_int_equal(SOK_JOB_COUNT, sok_job_find("other"));
    assert_int_equal(SOK_JOB_COUNT, sok_job_find(NULL));
}

static void queue_that_is_down_says_so_and_stops(void **state)
{
    struct sok_queue *queue;
    char id[SOK_UUID_LEN + 1];
    assert_ok(sok_queue_open("failing:", &queue, NULL));
    sok_uuid7(1, id);
    sok_queue_publish(queue, SOK_JOB_SEARCH, id);
    assert_int_equal(SOK_UNAVAILABLE, sok_queue_wait(queue, SOK_JOB_SEARCH, 1000, id, NULL));
    assert_int_equal(SOK_UNAVAILABLE, sok_queue_ping(queue, 100, NULL));
    assert_int_equal(SOK_UNAVAILABLE, sok_queue_send(queue, "test", "x", 1, NULL));
    sok_queue_stop(queue);
    assert_int_equal(SOK_CANCELLED, sok_queue_wait(queue, SOK_JOB_SEARCH, 1000, id, NULL));
    sok_queue_close(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_in_order_to_their_own_kind),
        cmocka_unit_test(a_flood_of_messages_is_bounded),
        cmocka_unit_test(large_events_are_bounded_in_bytes),
        cmocka_unit_test(stopping_wakes_every_waiter),
        cmocka_unit_test(events_reach_subscribers_of_their_prefix_in_order),
        cmocka_unit_test(letters_reach_their_address_whole_and_in_order),
        cmocka_unit_test(a_job_goes_to_one_process_and_an_event_to_all),
        cmocka_unit_test(a_process_that_starts_hears_what_was_said_before),
        cmocka_unit_test(streams_that_were_wiped_come_back),
        cmocka_unit_test(wrong_nats_urls_are_named_without_their_secrets),
        cmocka_unit_test(job_names_go_both_ways),
        cmocka_unit_test(queue_that_is_down_says_so_and_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
