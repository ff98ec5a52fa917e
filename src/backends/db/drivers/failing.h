// A database that breaks on purpose: "failing:URL" stands before another one and fails as it is told.
#ifndef SOK_BACKENDS_DB_DRIVERS_FAILING_H
#define SOK_BACKENDS_DB_DRIVERS_FAILING_H

#include "backends/db/db.h"

enum sok_db_fault {
    SOK_DB_FAULT_NONE,
    SOK_DB_FAULT_QUERY,  // statements, before they reach the database
    SOK_DB_FAULT_WRITE,  // whole writes, before the body runs
    SOK_DB_FAULT_COMMIT, // the commit: the body has run and is rolled back
    SOK_DB_FAULT_ALL     // queries and writes
};

// From now on, of the calls that `fault` names, the one after `after` more fails with `status`, and then
// every `every`-th again (0: never again; 1: all). Any thread. The database must have been opened as
// "failing:...".
void sok_db_failing_set(
    struct sok_db *db, enum sok_db_fault fault, int64_t after, int64_t every, enum sok_status status);

// Calls of any kind that reached it, to find out how many there are to break in turn.
int64_t sok_db_failing_calls(struct sok_db *db);

#endif
