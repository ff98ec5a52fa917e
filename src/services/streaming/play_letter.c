#include "services/streaming/play_letter.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"

#define MAGIC_LEN 4
static const char ask_magic[] = "SPQ1", answer_magic[] = "SPA1";

struct writer {
    unsigned char *at;
};

static void put(struct writer *writer, const void *bytes, size_t len)
{
    memcpy(writer->at, bytes, len);
    writer->at += len;
}

static void put_number(struct writer *writer, uint64_t number, int bytes)
{
    while (bytes-- > 0)
        *writer->at++ = (unsigned char)(number >> (8 * bytes));
}

struct reader {
    const unsigned char *at;
};

static void take(struct reader *reader, void *ret_bytes, size_t len)
{
    memcpy(ret_bytes, reader->at, len);
    reader->at += len;
}

static uint64_t take_number(struct reader *reader, int bytes)
{
    uint64_t number = 0;
    while (bytes-- > 0)
        number = number << 8 | *reader->at++;
    return number;
}

// A count of bytes, or -1 for what is none.
static int64_t take_size(struct reader *reader)
{
    uint64_t number = take_number(reader, 8);
    return number > INT64_MAX ? -1 : (int64_t)number;
}

static bool is_address(const char *address)
{
    const char *id = address + strlen("play.");
    return strncmp(address, "play.", strlen("play.")) == 0 && strlen(address) == SOK_PLAY_ADDRESS_LEN &&
           strspn(id, "0123456789abcdef-") == SOK_UUID_LEN;
}

static bool is_key(const char *key)
{
    return strspn(key, "0123456789abcdef") == SOK_TORRENT_KEY_LEN;
}

void sok_play_new_address(char ret_address[SOK_PLAY_ADDRESS_LEN + 1])
{
    char id[SOK_UUID_LEN + 1];
    sok_uuid7(sok_time_now_ms(), id);
    (void)snprintf(ret_address, SOK_PLAY_ADDRESS_LEN + 1, "play.%s", id);
}

void sok_play_format_ask(const struct sok_play_ask *ask, unsigned char ret_letter[SOK_PLAY_ASK_BYTES])
{
    struct writer writer = {ret_letter};
    memset(ret_letter, 0, SOK_PLAY_ASK_BYTES);
    put(&writer, ask_magic, MAGIC_LEN);
    put_number(&writer, (uint64_t)ask->kind, 1);
    put_number(&writer, ask->id, 8);
    put_number(&writer, ask->viewer, 8);
    put(&writer, ask->from, SOK_PLAY_ADDRESS_LEN);
    put(&writer, ask->key, SOK_TORRENT_KEY_LEN);
    put_number(&writer, (uint64_t)ask->file, 4);
    put_number(&writer, (uint64_t)ask->offset, 8);
    put_number(&writer, (uint64_t)ask->len, 8);
    put_number(&writer, (uint64_t)ask->wait_ms, 4);
}

static bool is_possible(const struct sok_play_ask *ask)
{
    int64_t len_max = ask->kind == SOK_PLAY_LOOK ? SOK_PLAY_LOOK_MAX_BYTES : (int64_t)SOK_PLAY_CHUNK_BYTES;
    return ask->kind >= SOK_PLAY_LOOK && ask->kind <= SOK_PLAY_END && is_address(ask->from) &&
           is_key(ask->key) && ask->file >= 0 && ask->file < SOK_PLAY_FILES_MAX && ask->offset >= 0 &&
           ask->len >= 0 && ask->len <= len_max && ask->offset <= INT64_MAX - ask->len && ask->wait_ms >= 0 &&
           ask->wait_ms <= SOK_PLAY_WAIT_MAX_MS;
}

bool sok_play_parse_ask(const void *letter, size_t len, struct sok_play_ask *ret)
{
    struct reader reader = {letter};
    struct sok_play_ask ask = {0};
    if (len != SOK_PLAY_ASK_BYTES || memcmp(letter, ask_magic, MAGIC_LEN) != 0)
        return false;
    reader.at += MAGIC_LEN;
    ask.kind = (enum sok_play_kind)take_number(&reader, 1);
    ask.id = take_number(&reader, 8);
    ask.viewer = take_number(&reader, 8);
    take(&reader, ask.from, SOK_PLAY_ADDRESS_LEN);
    take(&reader, ask.key, SOK_TORRENT_KEY_LEN);
    uint64_t file = take_number(&reader, 4);
    ask.file = file < SOK_PLAY_FILES_MAX ? (int)file : -1;
    ask.offset = take_size(&reader);
    ask.len = take_size(&reader);
    uint64_t wait_ms = take_number(&reader, 4);
    ask.wait_ms = wait_ms <= SOK_PLAY_WAIT_MAX_MS ? (int)wait_ms : -1;
    if (!is_possible(&ask))
        return false;
    *ret = ask;
    return true;
}

void sok_play_format_answer(
    const struct sok_play_answer *answer, unsigned char ret_head[SOK_PLAY_ANSWER_HEAD_BYTES])
{
    struct writer writer = {ret_head};
    memset(ret_head, 0, SOK_PLAY_ANSWER_HEAD_BYTES);
    put(&writer, answer_magic, MAGIC_LEN);
    put_number(&writer, answer->id, 8);
    put_number(&writer, (uint64_t)answer->state, 1);
    put(&writer, answer->hunter, SOK_PLAY_ADDRESS_LEN);
    put_number(&writer, (uint64_t)answer->size_bytes, 8);
    put_number(&writer, (uint64_t)answer->done_bytes, 8);
    put_number(&writer, (uint64_t)answer->there_bytes, 8);
    put_number(&writer, answer->len, 4);
}

bool sok_play_parse_answer(const void *letter, size_t len, struct sok_play_answer *ret)
{
    struct reader reader = {letter};
    struct sok_play_answer answer = {0};
    if (len < SOK_PLAY_ANSWER_HEAD_BYTES || len > SOK_PLAY_ANSWER_MAX_BYTES ||
        memcmp(letter, answer_magic, MAGIC_LEN) != 0)
        return false;
    reader.at += MAGIC_LEN;
    answer.id = take_number(&reader, 8);
    answer.state = (enum sok_play_state)take_number(&reader, 1);
    take(&reader, answer.hunter, SOK_PLAY_ADDRESS_LEN);
    answer.size_bytes = take_size(&reader);
    answer.done_bytes = take_size(&reader);
    answer.there_bytes = take_size(&reader);
    answer.len = (size_t)take_number(&reader, 4);
    answer.bytes = reader.at;
    bool is_possible = answer.state >= SOK_PLAY_HERE && answer.state <= SOK_PLAY_GONE &&
                       is_address(answer.hunter) && answer.size_bytes >= 0 && answer.done_bytes >= 0 &&
                       answer.done_bytes <= answer.size_bytes && answer.there_bytes >= 0 &&
                       answer.there_bytes <= answer.size_bytes &&
                       answer.len == len - SOK_PLAY_ANSWER_HEAD_BYTES;
    if (!is_possible)
        return false;
    *ret = answer;
    return true;
}
