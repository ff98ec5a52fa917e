#include "api/cancelled.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define EVENT_MAX_BYTES ((size_t)256 << 10)

// Its place in the ring, or -1.
static int find(const struct sok_cancelled *cancelled, const char *id)
{
    for (int i = 0; i < SOK_CANCELLED_KEPT; i++)
        if (sok_text_eq(cancelled->ids[i], id))
            return i;
    return -1;
}

// A later wish, of an admin who starts a dead job again, counts in its place.
static void take_command(struct sok_cancelled *cancelled, const char *id, const char *wanted)
{
    int known = find(cancelled, id);
    if (!sok_text_eq(wanted, "cancelled")) {
        if (known >= 0)
            cancelled->ids[known][0] = '\0';
    } else if (known < 0) {
        memcpy(cancelled->ids[cancelled->next], id, SOK_UUID_LEN + 1);
        cancelled->next = (cancelled->next + 1) % SOK_CANCELLED_KEPT;
    }
}

bool sok_cancelled_contradicts(struct sok_cancelled *cancelled, const struct sok_event *event)
{
    SOK_JSON_AUTO *data = NULL;
    bool is_command = sok_text_eq(event->subject, "command.download");
    if ((!is_command && !sok_text_starts(event->subject, "download.")) ||
        sok_json_parse_lenient(event->json, strlen(event->json), EVENT_MAX_BYTES, &data, NULL) != SOK_OK)
        return false;
    const char *id = sok_json_text(data, "download_id", NULL);
    if (!sok_text_is_uuid(id))
        return false;
    if (is_command) {
        take_command(cancelled, id, sok_json_text(data, "wanted", NULL));
        return false;
    }
    return find(cancelled, id) >= 0 && !sok_text_eq(sok_json_text(data, "status", NULL), "cancelled");
}
