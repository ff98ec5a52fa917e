// The hunter's side of playing across processes: answers the letters (play_letter.h) of API processes that
// play what this process downloads. Each viewer's place raises the deadlines of the pieces around it, as a
// player in this process would. One thread; what it keeps is bounded: SOK_PLAY_VIEWERS_MAX viewers with one
// question each, forgotten when they say so or after SOK_PLAY_VIEWER_IDLE_MS of silence.
#ifndef SOK_SERVICES_STREAMING_PLAY_SERVER_H
#define SOK_SERVICES_STREAMING_PLAY_SERVER_H

#include <stddef.h>

#include "base/status.h"

#define SOK_PLAY_VIEWERS_MAX 256
#define SOK_PLAY_INBOX_MAX 1024
#define SOK_PLAY_VIEWER_IDLE_MS 10000

struct sok_play_server;
struct sok_queue;    // backends/queue/queue.h
struct sok_torrents; // services/torrent/torrent.h

// Listens and starts the thread. Both are borrowed. Owned by the caller.
SOK_MUST_CHECK enum sok_status sok_play_server_start(
    struct sok_queue *queue, struct sok_torrents *torrents, struct sok_play_server **ret,
    struct sok_error *err);

// Ends the thread: before the queue is closed. NULL is fine; a second time, too.
void sok_play_server_stop(struct sok_play_server *server);

// After the queue was closed, whose thread calls into this. Returns NULL.
struct sok_play_server *sok_play_server_free(struct sok_play_server *server);

// How many viewers are known. Any thread.
size_t sok_play_server_viewers(struct sok_play_server *server);

#endif
