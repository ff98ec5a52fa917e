#include "base/mailbox.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define ADDRESS_MAX 254 // RFC 5321 section 4.5.3.1.3

static bool is_address(const char *text)
{
    const char *at = strchr(text, '@');
    return at && at > text && at[1] && !strchr(at + 1, '@') && strlen(text) <= ADDRESS_MAX &&
           sok_utf8_is_line(text) && !strpbrk(text, " <>()[]\\,;:\"");
}

enum sok_status sok_mailbox_parse(
    struct sok_arena *arena, const char *text, struct sok_mailbox *ret, struct sok_error *err)
{
    const char *open = text ? strrchr(text, '<') : NULL;
    struct sok_mailbox box = {.name = "", .address = text ? sok_text_trim(arena, text) : ""};
    if (open && sok_text_ends(box.address, ">")) {
        size_t len = strlen(open + 1);
        while (len && open[len] != '>')
            len--;
        box.name = sok_text_trim(arena, sok_strndup(arena, text, (size_t)(open - text)));
        box.address = sok_strndup(arena, open + 1, len ? len - 1 : 0);
    }
    if (!is_address(box.address) || !sok_utf8_is_line(box.name))
        return sok_fail(err, SOK_INVALID, "that is no mail address");
    *ret = box;
    return SOK_OK;
}
