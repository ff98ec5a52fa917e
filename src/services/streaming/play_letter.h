// The letters by which an API process reads a file that another process downloads (play_client.h asks,
// play_server.h answers). Fixed layouts, numbers with their highest byte first; they hold no user, no link
// and no secret. Pure.
#ifndef SOK_SERVICES_STREAMING_PLAY_LETTER_H
#define SOK_SERVICES_STREAMING_PLAY_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "services/torrent/torrent.h"

#define SOK_PLAY_CHUNK_BYTES ((size_t)128 << 10) // at most in one answer
#define SOK_PLAY_WAIT_MAX_MS 2000
#define SOK_PLAY_LOOK_MAX_BYTES ((int64_t)1 << 40)
#define SOK_PLAY_FILES_MAX 1000000
#define SOK_PLAY_EVERYBODY "play.hunter" // where every process with a hunter listens
#define SOK_PLAY_ADDRESS_LEN (sizeof("play.") - 1 + SOK_UUID_LEN)

enum sok_play_kind {
    SOK_PLAY_LOOK = 1, // how large is the file, and is [offset, offset + len) there?
    SOK_PLAY_READ,     // up to len bytes from offset on; the answer may take wait_ms
    SOK_PLAY_END       // the viewer has gone; no answer
};

struct sok_play_ask {
    enum sok_play_kind kind;
    uint64_t id;                         // comes back with the answer
    uint64_t viewer;                     // one reply of the API; with `from` unique
    char from[SOK_PLAY_ADDRESS_LEN + 1]; // where the answer goes
    char key[SOK_TORRENT_KEY_LEN + 1];   // of the torrent
    int file;                            // its index
    int64_t offset, len;
    int wait_ms;
};

enum sok_play_state {
    SOK_PLAY_HERE = 1, // LOOK: the numbers; READ: bytes follow
    SOK_PLAY_LATER,    // READ: nothing came within wait_ms; ask again
    SOK_PLAY_GONE      // this process does not have the torrent (any more)
};

struct sok_play_answer {
    uint64_t id;
    enum sok_play_state state;
    char hunter[SOK_PLAY_ADDRESS_LEN + 1]; // whom to ask next time
    int64_t size_bytes, done_bytes;        // of the file; LOOK only
    int64_t there_bytes;                   // of the range looked at, without a gap; LOOK only
    const void *bytes;                     // borrowed; READ only
    size_t len;
};

#define SOK_PLAY_ASK_BYTES (4 + 1 + 8 + 8 + SOK_PLAY_ADDRESS_LEN + SOK_TORRENT_KEY_LEN + 4 + 8 + 8 + 4)
#define SOK_PLAY_ANSWER_HEAD_BYTES (4 + 8 + 1 + SOK_PLAY_ADDRESS_LEN + 8 + 8 + 8 + 4)
#define SOK_PLAY_ANSWER_MAX_BYTES (SOK_PLAY_ANSWER_HEAD_BYTES + SOK_PLAY_CHUNK_BYTES)

// "play." and a new UUID.
void sok_play_new_address(char ret_address[SOK_PLAY_ADDRESS_LEN + 1]);

void sok_play_format_ask(const struct sok_play_ask *ask, unsigned char ret_letter[SOK_PLAY_ASK_BYTES]);
// False for everything that sok_play_format_ask cannot have made, and for numbers out of their range.
SOK_MUST_CHECK bool sok_play_parse_ask(const void *letter, size_t len, struct sok_play_ask *ret);

// What stands before the answer's bytes.
void sok_play_format_answer(
    const struct sok_play_answer *answer, unsigned char ret_head[SOK_PLAY_ANSWER_HEAD_BYTES]);
// ret->bytes points into the letter.
SOK_MUST_CHECK bool sok_play_parse_answer(const void *letter, size_t len, struct sok_play_answer *ret);

#endif
