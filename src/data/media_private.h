// What media.c and media_list.c share.
#ifndef SOK_DATA_MEDIA_PRIVATE_H
#define SOK_DATA_MEDIA_PRIVATE_H

#include "data/media.h"

extern const struct sok_table sok_media_table;

// Text as a phrase of an FTS5 query.
const char *sok_media_phrase(struct sok_arena *arena, const char *text);

#endif
