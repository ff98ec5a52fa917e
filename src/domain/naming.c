#include "domain/naming.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"

#define PATH_PARTS_MAX 32
#define PATH_BYTES_MAX 2048
#define TITLE_MAX 150 // bytes of the title in a component, so that the rest of the name fits
#define EPISODE_TITLE_MAX 60
#define EXTENSION_MAX 10

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

// "Title (Year)"; a year that the title already ends with is not said twice.
static enum sok_status work_name(
    struct sok_arena *arena, const struct sok_naming *naming, char **ret_name, struct sok_error *err)
{
    char *title = sok_naming_sanitise(arena, naming->title, TITLE_MAX);
    if (!*title)
        return sok_fail(err, SOK_INVALID, "no title that could name a folder");
    char *year = naming->year > 0 ? sok_format(arena, " (%d)", naming->year) : sok_strdup(arena, "");
    *ret_name = sok_text_ends(title, year) ? title : sok_format(arena, "%s%s", title, year);
    return SOK_OK;
}

enum sok_status sok_naming_folder(
    struct sok_arena *arena, const struct sok_naming *naming, char **ret_path, struct sok_error *err)
{
    char *name = NULL;
    SOK_TRY(work_name(arena, naming, &name, err));
    *ret_path = sok_format(arena, "%s/%s", naming->series ? "Shows" : "Movies", name);
    return SOK_OK;
}

static char *movie_file(struct sok_arena *arena, const struct sok_naming *naming, const char *work)
{
    const char *edition = sok_naming_sanitise(arena, naming->edition, 40);
    const char *resolution = sok_naming_sanitise(arena, naming->resolution, 12);
    // Jellyfin and Plex take what follows " - " for the version's name when the rest is the folder's name.
    const char *dash = *edition || *resolution ? " - " : "";
    const char *blank = *edition && *resolution ? " " : "";
    return sok_format(arena, "%s%s%s%s%s", work, dash, resolution, blank, edition);
}

static char *episode_number(struct sok_arena *arena, const struct sok_naming *naming)
{
    int season = naming->season < 0 ? 1 : naming->season;
    if (naming->episode < 0)
        return sok_naming_sanitise(arena, naming->air_date, 10);
    if (naming->last_episode > naming->episode)
        return sok_format(arena, "S%02dE%02d-E%02d", season, naming->episode, naming->last_episode);
    return sok_format(arena, "S%02dE%02d", season, naming->episode);
}

static char *episode_file(struct sok_arena *arena, const struct sok_naming *naming, const char *work)
{
    const char *number = episode_number(arena, naming);
    const char *title = sok_naming_sanitise(arena, naming->episode_title, EPISODE_TITLE_MAX);
    return sok_format(arena, "%s - %s%s%s", work, number, *title ? " - " : "", title);
}

// Specials lie in "Season 00", which all three read as specials.
static int season_folder(const struct sok_naming *naming)
{
    int64_t year;
    if (naming->season >= 0)
        return naming->season;
    if (naming->episode < 0 && naming->air_date && strlen(naming->air_date) == 10) {
        char text[5] = {0};
        memcpy(text, naming->air_date, 4);
        if (sok_parse_int(text, 1900, 2200, &year))
            return (int)year;
    }
    return 1;
}

enum sok_status sok_naming_path(
    struct sok_arena *arena, const struct sok_naming *naming, char **ret_path, struct sok_error *err)
{
    char *folder = NULL, *work = NULL;
    SOK_TRY(sok_naming_folder(arena, naming, &folder, err));
    SOK_TRY(work_name(arena, naming, &work, err));
    if (!good_extension(naming->extension))
        return sok_fail(err, SOK_INVALID, "no usable file extension");
    if (naming->series && naming->episode < 0 && sok_text_empty(naming->air_date))
        return sok_fail(err, SOK_INVALID, "neither episode number nor air date is known");
    char *file = naming->series ? episode_file(arena, naming, work) : movie_file(arena, naming, work);
    cut_at_character(file, SOK_NAMING_PART_MAX - EXTENSION_MAX - 14);
    if (naming->copy > 1)
        file = sok_format(arena, "%s (%d)", file, naming->copy);
    const char *season = naming->series ? sok_format(arena, "/Season %02d", season_folder(naming)) : "";
    *ret_path = sok_format(arena, "%s%s/%s.%s", folder, season, file, naming->extension);
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
