// Deleting a user deletes the rows of its downloads at once, while their torrents may run. Here the hunter
// notices: the torrent leaves the session, and what lies in the download folder goes, unless another download
// is of the same torrent. `download_leftovers` remembers the folders until they are gone, so that a kill in
// between leaves nothing behind.
#include <string.h>

#include "data/leftovers.h"
#include "runtime/log.h"
#include "workers/hunter-private.h"

static bool is_listed(const struct sok_hunt *hunt, const struct sok_download *live, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(live[i].id, hunt->row.id) == 0)
            return true;
    return false;
}

static bool has_row(const struct sok_hunt *hunt)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_download row;
    return sok_downloads_find(sok_db_reader(hunt->hunter->env.db), arena, hunt->row.id, &row, NULL) !=
           SOK_NOT_FOUND;
}

// True also when the database cannot tell: nothing is deleted on a guess.
static bool is_owned(const struct sok_hunter *hunter, const char *key)
{
    bool owned = true;
    return sok_leftovers_is_owned(sok_db_reader(hunter->env.db), key, &owned, NULL) != SOK_OK || owned;
}

static void let_go(struct sok_hunt *hunt)
{
    if (hunt->job.is_out && !sok_hunt_take_job(hunt))
        return; // the pool works for it: as soon as that is done
    bool is_last = !sok_hunt_shares_torrent(hunt) && !is_owned(hunt->hunter, hunt->key);
    sok_hunt_leave_session(hunt, is_last);
    if (is_last)
        sok_hunter_drop_resume(hunt->hunter, hunt->key);
    sok_hunter_log(hunt, "a download was deleted with its user", NULL);
    hunt->fence = 0;
    hunt->phase = SOK_HUNT_ENDED;
}

static bool is_hunted(const struct sok_hunter *hunter, const char *key)
{
    for (const struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next)
        if (hunt->phase != SOK_HUNT_ENDED && strcmp(hunt->key, key) == 0)
            return true;
    return false;
}

struct done {
    const char *key;
};

static enum sok_status write_done(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_leftovers_done(tx, ((struct done *)context)->key, err);
}

// Done is one whose folder is not there when looked at: a torrent that leaves the session may still write for
// a moment, so a folder that was deleted is looked for again.
static bool is_cleared(const struct sok_hunter *hunter, const char *key)
{
    if (is_owned(hunter, key))
        return true;
    if (is_hunted(hunter, key))
        return false;
    sok_hunter_drop_resume(hunter, key);
    if (!sok_hunter_has_folder(hunter, key))
        return true;
    sok_hunter_delete_folder(hunter, key);
    return false;
}

static void clear_leftovers(struct sok_hunter *hunter)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error err = {0};
    struct sok_leftover *leftovers;
    size_t count;
    enum sok_status status =
        sok_leftovers_list(sok_db_reader(hunter->env.db), arena, &leftovers, &count, &err);
    for (size_t i = 0; status == SOK_OK && i < count; i++) {
        struct done done = {leftovers[i].info_hash};
        if (is_cleared(hunter, done.key))
            status = sok_db_write(hunter->env.db, write_done, &done, &err);
    }
    if (status != SOK_OK)
        sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "cannot clear away what deleted users left", &err);
}

void sok_hunter_clear_gone(struct sok_hunter *hunter, const struct sok_download *live, size_t count)
{
    for (struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next)
        if (hunt->phase != SOK_HUNT_ENDED && !is_listed(hunt, live, count) && !has_row(hunt))
            let_go(hunt);
    clear_leftovers(hunter);
}
