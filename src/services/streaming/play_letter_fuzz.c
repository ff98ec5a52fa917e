// Letters of the queue may hold anything: what is taken for one is possible, and the same when it is written
// again.
#include <stdlib.h>
#include <string.h>

#include "services/streaming/play_letter.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static void check_ask(const unsigned char *letter, size_t len)
{
    struct sok_play_ask ask;
    unsigned char again[SOK_PLAY_ASK_BYTES];
    if (!sok_play_parse_ask(letter, len, &ask))
        return;
    sok_play_format_ask(&ask, again);
    if (memcmp(again, letter, len) != 0 || ask.offset < 0 || ask.len < 0 || ask.offset + ask.len < ask.offset)
        abort();
}

static void check_answer(const unsigned char *letter, size_t len)
{
    struct sok_play_answer answer;
    unsigned char again[SOK_PLAY_ANSWER_HEAD_BYTES];
    if (!sok_play_parse_answer(letter, len, &answer))
        return;
    sok_play_format_answer(&answer, again);
    if (memcmp(again, letter, sizeof(again)) != 0 || answer.len > SOK_PLAY_CHUNK_BYTES)
        abort();
    for (size_t i = 0; i < answer.len; i++) // all of it can be read
        again[i % sizeof(again)] ^= ((const unsigned char *)answer.bytes)[i];
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    unsigned char *exact = malloc(len ? len : 1); // without anything behind it
    if (!exact)
        abort();
    if (len)
        memcpy(exact, data, len);
    check_ask(exact, len);
    check_answer(exact, len);
    free(exact);
    return 0;
}
