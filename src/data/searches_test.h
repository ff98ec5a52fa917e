// A search of a work of its own, for the tests that need one.
#ifndef SOK_DATA_SEARCHES_TEST_H
#define SOK_DATA_SEARCHES_TEST_H

#include "data/data_test.h"
#include "data/media.h"
#include "data/searches.h"

static inline SOK_UNUSED void add_search(struct sok_test_db *t, const char *id)
{
    struct sok_media media = SOK_MEDIA_INIT;
    media.id = sok_format(t->arena, "media-%s", id);
    media.media_type = "movie";
    media.title = "A film";
    media.created_at = media.updated_at = 1;
    assert_ok(sok_media_insert(t->tx, &media, &t->err));
    struct sok_search search = {
        .id = id,
        .user_id = "ada",
        .media_id = media.id,
        .query = "a film",
        .season = -1,
        .episode = -1,
        .status = "pending",
        .created_at = 1,
        .updated_at = 1};
    assert_ok(sok_searches_insert(t->tx, &search, &t->err));
}

#endif
