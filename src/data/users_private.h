// What the two lists of accounts share (users.c, user_stats.c).
#ifndef SOK_DATA_USERS_PRIVATE_H
#define SOK_DATA_USERS_PRIVATE_H

#include "data/filter.h"
#include "data/users.h"

#define SOK_USERS_FILTERS                                                                        \
    {"role", SOK_FILTER_WORD, .condition = "role = ?", .words = "user moderator admin"},         \
    {                                                                                            \
        "is_active", SOK_FILTER_FLAG, .condition = "is_active = 1", .otherwise = "is_active = 0" \
    }

#endif
