#include "domain/naming.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"

#define PATH_PARTS_MAX 32
#define PATH_BYTES_MAX 2048
#define EXTENSION_MAX 10
#define COPY_MAX 14 // bytes of " (2)" and the dot

// Names that Windows takes for devices, whatever extension follows.
static bool is_device_name(const char *text)
{
    static const char *const devices[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
    size_t len = strcspn(text, ".");
    while (len && text[len - 1] == ' ')
        len--;
    for (size_t i = 0; i < SOK_ARRAY_LEN(devices); i++)
        if (len == strlen(devices[i]) && strncasecmp(text, devices[i], len) == 0)
            return true;
    return len == 4 && (strncasecmp(text, "com", 3) == 0 || strncasecmp(text, "lpt", 3) == 0) &&
           text[3] >= '0' && text[3] <= '9';
}

// Zero-width and direction marks (U+200B-200F, U+202A-202E, U+2060-2069, U+FEFF) make names that look like
// others: "gpj.exe" shown as "exe.jpg". Line separators (U+2028, U+2029) break lists.
static size_t hostile_mark_len(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    if (c[0] == 0xe2 && c[1] == 0x80 && ((c[2] >= 0x8b && c[2] <= 0x8f) || (c[2] >= 0xa8 && c[2] <= 0xae)))
        return 3;
    if (c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa0 && c[2] <= 0xa9)
        return 3;
    if (c[0] == 0xef && c[1] == 0xbb && c[2] == 0xbf)
        return 3;
    if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) // C1 controls
        return 2;
    return 0;
}

// "Face/Off" and "Mission: Impossible" stay readable: separators become a dash, the rest of the reserved
// characters goes.
static void put_safely(struct sok_buf *out, const char *text)
{
    for (size_t skip; *text; text += skip) {
        skip = hostile_mark_len(text);
        if (skip)
            continue;
        skip = 1;
        bool blank_before = out->len && out->data[out->len - 1] == ' ';
        if (*text == ':' && (text[1] == ' ' || text[1] == 0))
            sok_buf_puts(out, blank_before ? "-" : " -");
        else if (*text == '/' || *text == '\\' || *text == ':' || *text == '|')
            sok_buf_puts(out, "-");
        else if (*text == '"')
            sok_buf_puts(out, "'");
        else if ((unsigned char)*text <= ' ')
            sok_buf_puts(out, blank_before || !out->len ? "" : " ");
        else if (!strchr("<>?*\x7f", *text))
            sok_buf_append(out, text, 1);
    }
}

static void cut_at_character(char *text, size_t max_bytes)
{
    size_t len = strlen(text);
    if (len > max_bytes) {
        len = max_bytes;
        while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    while (len && (text[len - 1] == ' ' || text[len - 1] == '.'))
        len--;
    text[len] = 0;
}

char *sok_naming_sanitise(struct sok_arena *arena, const char *text, size_t max_bytes)
{
    if (!text)
        return sok_strdup(arena, "");
    const char *clean = sok_utf8_clean(arena, text, strnlen(text, 4096));
    SOK_BUF_AUTO out;
    sok_buf_init(&out, 16384);
    put_safely(&out, clean);
    if (!out.len)
        return sok_strdup(arena, "");
    const char *start = out.data + strspn(out.data, " .");
    char *part = sok_format(arena, "%s%s", is_device_name(start) ? "_" : "", start);
    cut_at_character(part, max_bytes);
    return part;
}

static bool good_extension(const char *extension)
{
    size_t len = extension ? strlen(extension) : 0;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)extension[i]) || (unsigned char)extension[i] >= 0x80)
            return false;
    return len > 0 && len <= EXTENSION_MAX;
}

enum sok_status sok_naming_path(
    struct sok_arena *arena, const struct sok_naming *naming, char **ret_path, struct sok_error *err)
{
    const struct sok_naming_style *style = naming->style ? naming->style : &sok_naming_style_default;
    char *path = NULL;
    if (!*sok_naming_sanitise(arena, naming->title, SOK_NAMING_PART_MAX))
        return sok_fail(err, SOK_INVALID, "no title that could name a folder");
    if (!good_extension(naming->extension))
        return sok_fail(err, SOK_INVALID, "no usable file extension");
    if (naming->series && naming->episode < 0 && sok_text_empty(naming->air_date))
        return sok_fail(err, SOK_INVALID, "neither episode number nor air date is known");
    SOK_TRY(sok_naming_render(
        arena, naming->series ? style->episode : style->movie, naming,
        SOK_NAMING_PART_MAX - EXTENSION_MAX - COPY_MAX, &path, err));
    if (naming->copy > 1)
        path = sok_format(arena, "%s (%d)", path, naming->copy);
    path = sok_format(arena, "%s.%s", path, naming->extension);
    if (!sok_naming_path_is_safe(path))
        return sok_fail(err, SOK_INVALID, "the pattern of names gives no path within the library");
    *ret_path = path;
    return SOK_OK;
}

static bool part_is_safe(const char *part, size_t len)
{
    if (!len || len > 255 || (len == 1 && part[0] == '.') || (len == 2 && memcmp(part, "..", 2) == 0))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)part[i] < 0x20 || part[i] == 0x7f || part[i] == '\\')
            return false;
    return true;
}

bool sok_naming_path_is_safe(const char *path)
{
    if (!path || strnlen(path, PATH_BYTES_MAX + 1) > PATH_BYTES_MAX)
        return false;
    for (int parts = 1; parts <= PATH_PARTS_MAX; parts++) {
        size_t len = strcspn(path, "/");
        if (!part_is_safe(path, len))
            return false;
        if (!path[len])
            return true;
        path += len + 1;
    }
    return false;
}
