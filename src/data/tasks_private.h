// What tasks.c and tasks_upkeep.c share.
#ifndef SOK_DATA_TASKS_PRIVATE_H
#define SOK_DATA_TASKS_PRIVATE_H

#include "data/tasks.h"

extern const struct sok_table sok_tasks_table;

// Ends a running task as failed, with its row in dead_letters. No fence: the caller has checked it.
SOK_MUST_CHECK enum sok_status sok_tasks_bury(
    struct sok_db_tx *tx, const struct sok_task *task, const char *code, const char *message, int64_t tries,
    int64_t now_ms, struct sok_error *err);

#endif
