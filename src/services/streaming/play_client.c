// Questions that wait for their answer stand in a table by a random id; the queue's thread puts the answer
// into them. A file has one question out at a time. Once its bytes have been taken the next ones are asked
// for at once, so that they are on their way while these go out to the player.
#include "services/streaming/play_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "backends/queue/queue.h"
#include "base/rand.h"
#include "base/time.h"
#include "base/wait.h"
#include "services/streaming/play_letter.h"

#define HUNTER_WAIT_MS 1500 // the hunter says "not yet" after this long
#define GIVE_UP_MS 2500     // the hunter is silent
#define READ_BLOCK_MS 250
#define SILENT_MS 2000 // for so long nobody is asked again for a torrent that nobody had
#define SILENT_TORRENTS 64
#define ASK_AHEAD_BYTES ((size_t)64 << 10) // who takes so much at once takes more

struct question {
    UT_hash_handle hh;
    uint64_t id;
    bool is_answered;
    pthread_cond_t answered;
    struct sok_play_answer answer; // without its bytes
    char *buffer;                  // for SOK_PLAY_CHUNK_BYTES; NULL: none are wanted
};

struct sok_play_client {
    struct sok_queue *queue;
    char address[SOK_PLAY_ADDRESS_LEN + 1];
    pthread_mutex_t lock; // guards all below, and every question in the table
    struct question *questions;
    struct silence {
        char key[SOK_TORRENT_KEY_LEN + 1];
        int64_t until; // monotonic
    } silences[SILENT_TORRENTS];
};

struct sok_play_file {
    struct sok_play_client *client;
    char key[SOK_TORRENT_KEY_LEN + 1];
    char hunter[SOK_PLAY_ADDRESS_LEN + 1]; // "" before one has answered
    int file;
    int64_t size_bytes;
    uint64_t viewer;
    bool is_asked; // `question` is in the table
    struct question question;
    int64_t offset, give_up_at; // of the question
    int64_t held_from;          // `buffer` holds these bytes
    size_t held;
    char buffer[SOK_PLAY_CHUNK_BYTES];
};

// --- On the queue's thread.

static void on_letter(const void *bytes, size_t len, void *context)
{
    struct sok_play_client *client = context;
    struct sok_play_answer answer;
    struct question *question;
    if (!sok_play_parse_answer(bytes, len, &answer))
        return;
    pthread_mutex_lock(&client->lock);
    HASH_FIND(hh, client->questions, &answer.id, sizeof(answer.id), question);
    if (question && !question->is_answered && (question->buffer || !answer.len)) {
        if (answer.len)
            memcpy(question->buffer, answer.bytes, answer.len);
        answer.bytes = NULL;
        question->answer = answer;
        question->is_answered = true;
        pthread_cond_signal(&question->answered);
    }
    pthread_mutex_unlock(&client->lock);
}

// --- Questions.

static void enter(struct sok_play_client *client, struct question *question)
{
    question->is_answered = false;
    sok_random_bytes(&question->id, sizeof(question->id));
    pthread_mutex_lock(&client->lock);
    HASH_ADD(hh, client->questions, id, sizeof(question->id), question);
    pthread_mutex_unlock(&client->lock);
}

static void leave(struct sok_play_client *client, struct question *question)
{
    pthread_mutex_lock(&client->lock);
    HASH_DEL(client->questions, question);
    pthread_mutex_unlock(&client->lock);
}

// Whether the answer has come, by then.
static bool wait_answered(struct sok_play_client *client, struct question *question, int64_t ms)
{
    struct timespec until = sok_wait_deadline(ms > 0 ? ms : 0);
    pthread_mutex_lock(&client->lock);
    while (!question->is_answered && sok_wait_until(&question->answered, &client->lock, &until)) {
    }
    bool is_answered = question->is_answered;
    pthread_mutex_unlock(&client->lock);
    return is_answered;
}

static enum sok_status send_ask(
    struct sok_play_client *client, const char *to, struct sok_play_ask *ask, struct sok_error *err)
{
    unsigned char letter[SOK_PLAY_ASK_BYTES];
    memcpy(ask->from, client->address, sizeof(ask->from));
    sok_play_format_ask(ask, letter);
    return sok_queue_send(client->queue, *to ? to : SOK_PLAY_EVERYBODY, letter, sizeof(letter), err);
}

// --- Torrents of which no hunter knew.

static bool was_silent(struct sok_play_client *client, const char *key)
{
    bool is_silent = false;
    int64_t now_ms = sok_time_mono_ms();
    pthread_mutex_lock(&client->lock);
    for (size_t i = 0; i < SILENT_TORRENTS; i++)
        is_silent =
            is_silent || (now_ms < client->silences[i].until && strcmp(client->silences[i].key, key) == 0);
    pthread_mutex_unlock(&client->lock);
    return is_silent;
}

static void note_silence(struct sok_play_client *client, const char *key)
{
    struct silence *oldest = client->silences;
    pthread_mutex_lock(&client->lock);
    for (size_t i = 1; i < SILENT_TORRENTS; i++)
        if (client->silences[i].until < oldest->until)
            oldest = &client->silences[i];
    memcpy(oldest->key, key, sizeof(oldest->key));
    oldest->until = sok_time_mono_ms() + SILENT_MS;
    pthread_mutex_unlock(&client->lock);
}

enum sok_status sok_play_fail_silent(struct sok_error *err)
{
    enum sok_status status =
        sok_fail(err, SOK_UNAVAILABLE, "the process that downloads this does not answer just now");
    if (err) {
        err->code = "hunter_away";
        err->retry_after_s = 2;
    }
    return status;
}

enum sok_status sok_play_look(
    struct sok_play_client *client, const char *key, int file, int64_t offset, int64_t len,
    struct sok_play_look *ret, struct sok_error *err)
{
    struct question question = {.buffer = NULL};
    struct sok_play_ask ask = {.kind = SOK_PLAY_LOOK, .file = file, .offset = offset, .len = len};
    if (strlen(key) != SOK_TORRENT_KEY_LEN || was_silent(client, key))
        return sok_play_fail_silent(err);
    memcpy(ask.key, key, sizeof(ask.key));
    sok_wait_init(&question.answered);
    enter(client, &question);
    ask.id = question.id;
    bool is_sent = send_ask(client, "", &ask, NULL) == SOK_OK;
    bool is_answered = is_sent && wait_answered(client, &question, SOK_PLAY_LOOK_TIMEOUT_MS);
    leave(client, &question);
    pthread_cond_destroy(&question.answered);
    if (!is_answered || question.answer.state != SOK_PLAY_HERE) {
        note_silence(client, key);
        return sok_play_fail_silent(err);
    }
    *ret = (struct sok_play_look){
        question.answer.size_bytes, question.answer.done_bytes, question.answer.there_bytes};
    return SOK_OK;
}

// --- Files.

struct sok_play_file *sok_play_file_open(
    struct sok_play_client *client, const char *key, int file, int64_t size_bytes)
{
    struct sok_play_file *opened = calloc(1, sizeof(*opened));
    if (!opened)
        sok_panic("out of memory for a stream");
    opened->client = client;
    memcpy(opened->key, key, strnlen(key, SOK_TORRENT_KEY_LEN));
    opened->file = file;
    opened->size_bytes = size_bytes;
    sok_random_bytes(&opened->viewer, sizeof(opened->viewer));
    sok_wait_init(&opened->question.answered);
    opened->question.buffer = opened->buffer;
    return opened;
}

static void take_back(struct sok_play_file *file)
{
    if (file->is_asked)
        leave(file->client, &file->question);
    file->is_asked = false;
}

static struct sok_play_ask ask_of(const struct sok_play_file *file, enum sok_play_kind kind)
{
    struct sok_play_ask ask = {.kind = kind, .viewer = file->viewer, .file = file->file};
    memcpy(ask.key, file->key, sizeof(ask.key));
    return ask;
}

struct sok_play_file *sok_play_file_close(struct sok_play_file *file)
{
    struct sok_play_ask ask = ask_of(file, SOK_PLAY_END);
    take_back(file);
    (void)!send_ask(file->client, file->hunter, &ask, NULL); // lost: the hunter forgets by itself
    pthread_cond_destroy(&file->question.answered);
    free(file);
    return NULL;
}

// Asks for a chunk from offset on. Overwrites what is held.
static void ask_for(struct sok_play_file *file, int64_t offset, size_t max)
{
    struct sok_play_ask ask = ask_of(file, SOK_PLAY_READ);
    take_back(file);
    int64_t left = file->size_bytes - offset;
    size_t len = max < SOK_PLAY_CHUNK_BYTES ? max : SOK_PLAY_CHUNK_BYTES;
    file->held = 0;
    file->offset = offset;
    enter(file->client, &file->question);
    file->is_asked = true;
    ask.id = file->question.id;
    ask.offset = offset;
    ask.len = (int64_t)len < left ? (int64_t)len : left;
    ask.wait_ms = HUNTER_WAIT_MS;
    bool is_sent = send_ask(file->client, file->hunter, &ask, NULL) == SOK_OK;
    file->give_up_at = sok_time_mono_ms() + (is_sent ? GIVE_UP_MS : 0);
}

// Out of what is held; asks for more where more is certain to be wanted.
static ssize_t take_held(struct sok_play_file *file, int64_t offset, char *buf, size_t max)
{
    int64_t skip = offset - file->held_from;
    size_t left = file->held - (size_t)skip, count = left < max ? left : max;
    memcpy(buf, file->buffer + skip, count);
    int64_t next = offset + (int64_t)count;
    if (count == left && max >= ASK_AHEAD_BYTES && next < file->size_bytes)
        ask_for(file, next, SOK_PLAY_CHUNK_BYTES);
    return (ssize_t)count;
}

// The answer to the question that is out has come, or will not come any more.
static ssize_t take_answer(struct sok_play_file *file, bool is_answered)
{
    const struct sok_play_answer *answer = &file->question.answer;
    take_back(file);
    if (is_answered && answer->state == SOK_PLAY_HERE)
        file->held = answer->len;
    file->held_from = file->offset;
    if (is_answered && answer->state != SOK_PLAY_GONE) {
        memcpy(file->hunter, answer->hunter, sizeof(file->hunter));
        return 0;
    }
    file->hunter[0] = 0;
    return is_answered ? SOK_PLAY_READ_GONE : SOK_PLAY_READ_SILENT;
}

static bool holds(const struct sok_play_file *file, int64_t offset)
{
    return !file->is_asked && offset >= file->held_from && offset - file->held_from < (int64_t)file->held;
}

ssize_t sok_play_file_read(struct sok_play_file *file, int64_t offset, char *buf, size_t max)
{
    if (holds(file, offset))
        return take_held(file, offset, buf, max);
    if (!file->is_asked || file->offset != offset)
        ask_for(file, offset, max);
    int64_t left_ms = file->give_up_at - sok_time_mono_ms();
    bool is_answered =
        wait_answered(file->client, &file->question, left_ms < READ_BLOCK_MS ? left_ms : READ_BLOCK_MS);
    if (!is_answered && left_ms > READ_BLOCK_MS)
        return 0;
    ssize_t status = take_answer(file, is_answered);
    return status == 0 && holds(file, offset) ? take_held(file, offset, buf, max) : status;
}

// --- The client.

enum sok_status sok_play_client_new(
    struct sok_queue *queue, struct sok_play_client **ret, struct sok_error *err)
{
    struct sok_play_client *client = calloc(1, sizeof(*client));
    if (!client)
        sok_panic("out of memory for the play client");
    client->queue = queue;
    sok_play_new_address(client->address);
    pthread_mutex_init(&client->lock, NULL);
    *ret = client; // also when it fails: the queue may have the listener already
    return sok_queue_listen(queue, client->address, on_letter, client, err);
}

struct sok_play_client *sok_play_client_free(struct sok_play_client *client)
{
    if (!client)
        return NULL;
    HASH_CLEAR(hh, client->questions);
    pthread_mutex_destroy(&client->lock);
    free(client);
    return NULL;
}
