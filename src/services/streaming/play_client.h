// The API's side of playing across processes: asks by letter (play_letter.h) the hunter that downloads a
// torrent, in whichever process it is, and gives out what it answers.
#ifndef SOK_SERVICES_STREAMING_PLAY_CLIENT_H
#define SOK_SERVICES_STREAMING_PLAY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

#define SOK_PLAY_LOOK_TIMEOUT_MS 1000

struct sok_play_client;
struct sok_play_file; // one file as one reply reads it; one thread at a time
struct sok_queue;     // backends/queue/queue.h

// Listens for answers; the queue is borrowed. Owned by the caller.
SOK_MUST_CHECK enum sok_status sok_play_client_new(
    struct sok_queue *queue, struct sok_play_client **ret, struct sok_error *err);

// After the queue was closed, whose thread calls into this, and after every file. NULL is fine. Returns NULL.
struct sok_play_client *sok_play_client_free(struct sok_play_client *client);

// What is said when no hunter answers: SOK_UNAVAILABLE.
enum sok_status sok_play_fail_silent(struct sok_error *err);

struct sok_play_look {
    int64_t size_bytes, done_bytes; // of the file
    int64_t there_bytes;            // from the offset on, without a gap, at most len
};

// Asks all hunters for a file of a torrent; the first that has it answers. SOK_UNAVAILABLE (code
// "hunter_away", with retry_after_s): none did within SOK_PLAY_LOOK_TIMEOUT_MS, or none did for this torrent
// a moment ago. Blocks.
SOK_MUST_CHECK enum sok_status sok_play_look(
    struct sok_play_client *client, const char *key, int file, int64_t offset, int64_t len,
    struct sok_play_look *ret, struct sok_error *err);

// Nothing is asked before the first read.
struct sok_play_file *sok_play_file_open(
    struct sok_play_client *client, const char *key, int file, int64_t size_bytes);

// Tells the hunter. Returns NULL.
struct sok_play_file *sok_play_file_close(struct sok_play_file *file);

#define SOK_PLAY_READ_SILENT (-1) // no hunter answered in time; the next read asks all of them
#define SOK_PLAY_READ_GONE (-2)   // the hunter that had it has it no more; the next read asks all of them

// Up to `max` bytes from offset on, which must lie in the file. 0: not there yet, ask again. Blocks for at
// most a quarter of a second.
ssize_t sok_play_file_read(struct sok_play_file *file, int64_t offset, char *buf, size_t max);

#endif
