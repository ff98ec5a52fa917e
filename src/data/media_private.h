// What media.c and media_list.c share.
#ifndef SOK_DATA_MEDIA_PRIVATE_H
#define SOK_DATA_MEDIA_PRIVATE_H

#include "data/media.h"

extern const struct sok_table sok_media_table;

#endif
