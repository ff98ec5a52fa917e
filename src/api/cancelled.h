// The downloads that were cancelled last. Their hunter hears of it a moment later, and what it says in
// between must not reach anybody who has been told already.
#ifndef SOK_API_CANCELLED_H
#define SOK_API_CANCELLED_H

#include "backends/queue/queue.h"
#include "base/rand.h"

#define SOK_CANCELLED_KEPT 256

// Zeroed it is empty. The caller's lock guards it.
struct sok_cancelled {
    char ids[SOK_CANCELLED_KEPT][SOK_UUID_LEN + 1]; // a ring
    int next;
};

// Takes every event as it comes; true for a download.* one that says another status than cancelled of one of
// these downloads.
bool sok_cancelled_contradicts(struct sok_cancelled *cancelled, const struct sok_event *event);

#endif
