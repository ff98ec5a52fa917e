// What the files about media share.
#ifndef SOK_DATA_MEDIA_PRIVATE_H
#define SOK_DATA_MEDIA_PRIVATE_H

#include "data/media.h"

extern const struct sok_table sok_media_table;

// What can be watched: the works with files, and the series of such episodes. Walks the files, which are few
// beside the works.
#define SOK_MEDIA_WATCHABLE                                                    \
    "id IN (SELECT media_id FROM media_files WHERE missing_at IS NULL UNION "  \
    "SELECT e.parent_id FROM media_files f JOIN media e ON e.id = f.media_id " \
    "WHERE f.missing_at IS NULL AND e.parent_id IS NOT NULL)"

#endif
