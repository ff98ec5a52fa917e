// The queue's thread puts questions into a bounded inbox; one thread of ours does everything else. A read
// that nothing can be said to yet is kept with its viewer and looked at again every POLL_MS until it is
// answered or its time is up. A question of which this process knows nothing stays without an answer when it
// went to everybody: another hunter may know.
#include "services/streaming/play_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "backends/queue/queue.h"
#include "base/time.h"
#include "base/wait.h"
#include "services/library/fd.h"
#include "services/streaming/play_letter.h"
#include "services/streaming/stream-private.h"

#define POLL_MS 20
#define SWEEP_MS 1000

struct question {
    struct sok_play_ask ask;
    bool is_direct; // to this process, not to every hunter
};

// One reply of an API process that is being read. `ask` counts while `is_asked`.
struct viewer {
    struct viewer *prev, *next;
    struct question question;
    bool is_asked;
    int64_t heard_at, until; // monotonic
    int fd;                  // -1: not open yet
    struct sok_play_head head;
};

struct mailbox { // a listener's context
    struct sok_play_server *server;
    bool is_direct;
};

struct sok_play_server {
    struct sok_queue *queue;
    struct sok_torrents *torrents;
    char address[SOK_PLAY_ADDRESS_LEN + 1];
    struct mailbox direct, everybody;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; // guards the inbox and `stopping`
    pthread_cond_t arrived;
    bool stopping;
    struct question inbox[SOK_PLAY_INBOX_MAX]; // a ring
    size_t inbox_first, inbox_count;
    struct viewer *viewers; // the thread's
    _Atomic size_t viewer_count;
    unsigned char letter[SOK_PLAY_ANSWER_MAX_BYTES]; // the thread's
};

// --- On the queue's thread.

static void on_letter(const void *bytes, size_t len, void *context)
{
    const struct mailbox *box = context;
    struct sok_play_server *server = box->server;
    struct question question = {.is_direct = box->is_direct};
    if (!sok_play_parse_ask(bytes, len, &question.ask))
        return;
    pthread_mutex_lock(&server->lock);
    if (!server->stopping && server->inbox_count < SOK_PLAY_INBOX_MAX) {
        server->inbox[(server->inbox_first + server->inbox_count++) % SOK_PLAY_INBOX_MAX] = question;
        pthread_cond_signal(&server->arrived);
    }
    pthread_mutex_unlock(&server->lock);
}

// --- Answers. The bytes of a READ already stand behind the head in `letter`.

static void answer(
    struct sok_play_server *server, const struct sok_play_ask *ask, struct sok_play_answer *what)
{
    what->id = ask->id;
    memcpy(what->hunter, server->address, sizeof(what->hunter));
    sok_play_format_answer(what, server->letter);
    // A letter that cannot be sent is asked for again.
    (void)!sok_queue_send(
        server->queue, ask->from, server->letter, SOK_PLAY_ANSWER_HEAD_BYTES + what->len, NULL);
}

static void answer_gone(struct sok_play_server *server, const struct question *question)
{
    if (question->is_direct)
        answer(server, &question->ask, &(struct sok_play_answer){.state = SOK_PLAY_GONE});
}

static void look(struct sok_play_server *server, const struct question *question)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const struct sok_play_ask *ask = &question->ask;
    struct sok_torrent_file *files = NULL;
    size_t count = 0;
    if (sok_torrent_files(server->torrents, arena, ask->key, &files, &count, NULL) != SOK_OK) {
        answer_gone(server, question);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (files[i].index == ask->file)
            answer(
                server, ask,
                &(struct sok_play_answer){
                    .state = SOK_PLAY_HERE,
                    .size_bytes = files[i].size_bytes,
                    .done_bytes = files[i].done_bytes,
                    .there_bytes =
                        sok_torrent_available(server->torrents, ask->key, ask->file, ask->offset, ask->len)});
}

// --- Viewers.

static struct viewer *find_viewer(struct sok_play_server *server, const struct sok_play_ask *ask)
{
    struct viewer *viewer;
    DL_FOREACH(server->viewers, viewer)
    {
        const struct sok_play_ask *known = &viewer->question.ask;
        if (known->viewer == ask->viewer && strcmp(known->from, ask->from) == 0)
            return viewer;
    }
    return NULL;
}

static void forget(struct sok_play_server *server, struct viewer *viewer)
{
    const struct sok_play_ask *ask = &viewer->question.ask;
    sok_play_leave(server->torrents, ask->key, ask->file, &viewer->head);
    DL_DELETE(server->viewers, viewer);
    server->viewer_count--;
    if (viewer->fd >= 0)
        close(viewer->fd);
    free(viewer);
}

static struct viewer *add_viewer(struct sok_play_server *server)
{
    if (server->viewer_count >= SOK_PLAY_VIEWERS_MAX)
        return NULL;
    struct viewer *viewer = calloc(1, sizeof(*viewer));
    if (!viewer)
        sok_panic("out of memory for a viewer");
    viewer->fd = -1;
    DL_APPEND(server->viewers, viewer);
    server->viewer_count++;
    return viewer;
}

// Notes what a viewer wants now; what it wanted before does not count any more.
static void note_read(struct sok_play_server *server, const struct question *question)
{
    int64_t now_ms = sok_time_mono_ms();
    const struct sok_play_ask *ask = &question->ask;
    struct viewer *viewer = find_viewer(server, ask);
    if (viewer &&
        (viewer->question.ask.file != ask->file || strcmp(viewer->question.ask.key, ask->key) != 0)) {
        forget(server, viewer);
        viewer = NULL;
    }
    if (!viewer)
        viewer = add_viewer(server);
    if (!viewer) {
        answer(server, ask, &(struct sok_play_answer){.state = SOK_PLAY_LATER});
        return;
    }
    viewer->question = *question;
    viewer->is_asked = true;
    viewer->heard_at = now_ms;
    viewer->until = now_ms + ask->wait_ms;
}

static void handle(struct sok_play_server *server, const struct question *question)
{
    struct viewer *viewer;
    switch (question->ask.kind) {
    case SOK_PLAY_LOOK:
        look(server, question);
        break;
    case SOK_PLAY_READ:
        note_read(server, question);
        break;
    case SOK_PLAY_END:
        viewer = find_viewer(server, &question->ask);
        if (viewer)
            forget(server, viewer);
        break;
    }
}

// --- Reading.

// What can be read now into the letter; 0: nothing.
static size_t read_bytes(struct sok_play_server *server, struct viewer *viewer)
{
    const struct sok_play_ask *ask = &viewer->question.ask;
    int64_t there = sok_torrent_available(server->torrents, ask->key, ask->file, ask->offset, ask->len);
    if (there <= 0)
        return 0;
    if (viewer->fd < 0 &&
        sok_torrent_open_file(server->torrents, ask->key, ask->file, &viewer->fd, NULL) != SOK_OK)
        return 0;
    ssize_t count =
        pread(viewer->fd, server->letter + SOK_PLAY_ANSWER_HEAD_BYTES, (size_t)there, ask->offset);
    return count > 0 ? (size_t)count : 0;
}

// False: the torrent is not here (any more).
static bool serve_viewer(struct sok_play_server *server, struct viewer *viewer, int64_t now_ms)
{
    const struct sok_play_ask *ask = &viewer->question.ask;
    struct sok_play_answer reply = {.state = SOK_PLAY_HERE};
    if (sok_torrent_wait_range(server->torrents, ask->key, ask->file, ask->offset, 1, 0, NULL) ==
        SOK_NOT_FOUND) {
        answer_gone(server, &viewer->question);
        return false;
    }
    sok_play_want(server->torrents, ask->key, ask->file, &viewer->head, ask->offset, ask->len);
    reply.len = read_bytes(server, viewer);
    if (!reply.len && now_ms < viewer->until)
        return true;
    if (!reply.len)
        reply.state = SOK_PLAY_LATER;
    viewer->is_asked = false;
    answer(server, ask, &reply);
    return true;
}

// Whether somebody still waits.
static bool serve_viewers(struct sok_play_server *server)
{
    int64_t now_ms = sok_time_mono_ms();
    bool waits = false;
    struct viewer *viewer, *next;
    DL_FOREACH_SAFE(server->viewers, viewer, next)
    {
        bool is_silent = now_ms - viewer->heard_at > SOK_PLAY_VIEWER_IDLE_MS;
        if (is_silent || (viewer->is_asked && !serve_viewer(server, viewer, now_ms)))
            forget(server, viewer);
        else
            waits = waits || viewer->is_asked;
    }
    return waits;
}

// --- The thread.

// The next question; false when there is none for `wait_ms`, or it is over.
static bool take_question(struct sok_play_server *server, int64_t wait_ms, struct question *ret)
{
    struct timespec until = sok_wait_deadline(wait_ms);
    pthread_mutex_lock(&server->lock);
    while (!server->stopping && !server->inbox_count &&
           sok_wait_until(&server->arrived, &server->lock, &until)) {
    }
    bool has_one = !server->stopping && server->inbox_count > 0;
    if (has_one) {
        *ret = server->inbox[server->inbox_first];
        server->inbox_first = (server->inbox_first + 1) % SOK_PLAY_INBOX_MAX;
        server->inbox_count--;
    }
    pthread_mutex_unlock(&server->lock);
    return has_one;
}

static bool is_stopping(struct sok_play_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool stopping = server->stopping;
    pthread_mutex_unlock(&server->lock);
    return stopping;
}

static void *run(void *context)
{
    struct sok_play_server *server = context;
    bool waits = false;
    while (!is_stopping(server)) {
        struct question question;
        int64_t wait_ms = waits ? POLL_MS : SWEEP_MS;
        // At most so many, then those who wait have their turn.
        for (int i = 0; i < SOK_PLAY_INBOX_MAX && take_question(server, i ? 0 : wait_ms, &question); i++)
            handle(server, &question);
        waits = serve_viewers(server);
    }
    return NULL;
}

enum sok_status sok_play_server_start(
    struct sok_queue *queue, struct sok_torrents *torrents, struct sok_play_server **ret,
    struct sok_error *err)
{
    struct sok_play_server *server = calloc(1, sizeof(*server));
    if (!server)
        sok_panic("out of memory for the play server");
    server->queue = queue;
    server->torrents = torrents;
    server->direct = (struct mailbox){server, true};
    server->everybody = (struct mailbox){server, false};
    sok_play_new_address(server->address);
    pthread_mutex_init(&server->lock, NULL);
    sok_wait_init(&server->arrived);
    *ret = server; // also when it fails: the queue may have its listeners already
    SOK_TRY(sok_queue_listen(queue, server->address, on_letter, &server->direct, err));
    SOK_TRY(sok_queue_listen(queue, SOK_PLAY_EVERYBODY, on_letter, &server->everybody, err));
    server->has_thread = pthread_create(&server->thread, NULL, run, server) == 0;
    return server->has_thread ? SOK_OK : sok_fail(err, SOK_UNAVAILABLE, "cannot start the play thread");
}

void sok_play_server_stop(struct sok_play_server *server)
{
    if (!server)
        return;
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_cond_signal(&server->arrived);
    pthread_mutex_unlock(&server->lock);
    if (server->has_thread)
        pthread_join(server->thread, NULL);
    server->has_thread = false;
    while (server->viewers)
        forget(server, server->viewers);
}

struct sok_play_server *sok_play_server_free(struct sok_play_server *server)
{
    if (!server)
        return NULL;
    sok_play_server_stop(server);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->arrived);
    free(server);
    return NULL;
}

size_t sok_play_server_viewers(struct sok_play_server *server)
{
    return server->viewer_count;
}
