// A pattern is a path: parts between '/', literal text, and fields in braces. What stands around a field's
// name inside its braces is said only when the field is known: "{title}{ (year)}" gives "Sintel (2010)" or
// "Sintel". Every value is made one safe piece before it is put in, and every part once more as a whole, so
// neither a title nor a pattern can add a folder or leave the library.
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "domain/naming.h"

#define PARTS_MAX 6
#define TITLE_MAX 150 // bytes of the title in a component, so that the rest of the name fits
#define LETTERS "abcdefghijklmnopqrstuvwxyz_"

const struct sok_naming_style sok_naming_style_default = {
    .movie = "Movies/{title}{ (year)}/{title}{ (year)}{ - version}",
    .episode = "Shows/{title}{ (year)}/Season {season:00}/{title}{ (year)} - {number}{ - episode_title}",
};

enum field {
    TITLE,
    YEAR,
    RESOLUTION,
    EDITION,
    VERSION,
    SEASON,
    EPISODE,
    NUMBER,
    EPISODE_TITLE,
    AIR_DATE,
    FIELDS
};

static const struct {
    const char *name;
    bool of_episode; // only a series' pattern may name it
    bool is_number;  // ":00" pads it
    size_t max_bytes;
} fields[FIELDS] = {
    [TITLE] = {"title", false, false, TITLE_MAX},
    [YEAR] = {"year", false, true, 12},
    [RESOLUTION] = {"resolution", false, false, 12},
    [EDITION] = {"edition", false, false, 40},
    [VERSION] = {"version", false, false, 60},
    [SEASON] = {"season", true, true, 12},
    [EPISODE] = {"episode", true, true, 12},
    [NUMBER] = {"number", true, false, 40},
    [EPISODE_TITLE] = {"episode_title", true, false, 60},
    [AIR_DATE] = {"air_date", true, false, 10},
};

// One "{...}" taken apart; all of it lies in the pattern.
struct token {
    int before, name, after; // bytes of each
    const char *start;       // behind the brace
    enum field field;
    bool padded;
    size_t len; // with both braces
};

// Reads the token at `text`, which begins with '{'. NULL, or what is wrong with it.
static const char *read_token(struct sok_arena *arena, const char *text, bool series, struct token *ret)
{
    size_t len = strcspn(text + 1, "{}/");
    if (text[1 + len] != '}')
        return "has a { without its }";
    struct token token = {.start = text + 1, .len = len + 2};
    const char *inside = sok_strndup(arena, text + 1, len);
    token.before = (int)strcspn(inside, LETTERS);
    const char *name = inside + token.before;
    token.name = (int)strspn(name, LETTERS);
    for (token.field = 0; token.field < FIELDS; token.field++)
        if (strlen(fields[token.field].name) == (size_t)token.name &&
            strncmp(fields[token.field].name, name, (size_t)token.name) == 0 &&
            (series || !fields[token.field].of_episode))
            break;
    if (token.field == FIELDS)
        return sok_format(arena, "{%.40s} is no field of it", inside);
    const char *rest = name + token.name;
    token.padded = sok_text_starts(rest, ":00");
    if (token.padded && !fields[token.field].is_number)
        return sok_format(arena, "{%.40s} is no number that :00 could fill up", inside);
    rest += token.padded ? 3 : 0;
    token.name += token.padded ? 3 : 0;
    token.after = (int)strlen(rest);
    if (strpbrk(rest, LETTERS))
        return sok_format(arena, "{%.40s} names two fields", inside);
    if (strpbrk(inside, "<>\"|?*\\") || memchr(inside, ':', (size_t)token.before) || strchr(rest, ':'))
        return "holds a character that file systems do not take";
    *ret = token;
    return NULL;
}

// --- Rendering.

static const char *padded(struct sok_arena *arena, int64_t value, bool is_padded)
{
    return sok_format(arena, "%0*lld", is_padded ? 2 : 1, (long long)value);
}

static int64_t season_of(struct sok_arena *arena, const struct sok_naming *naming)
{
    // Specials lie in "Season 00", which all three media servers read as specials; what is named by its day
    // lies in its year.
    int64_t season = naming->season, year;
    if (season < 0)
        season = 1;
    if (naming->season < 0 && naming->episode < 0 && naming->air_date && strlen(naming->air_date) == 10 &&
        sok_parse_int(sok_strndup(arena, naming->air_date, 4), 1900, 2200, &year))
        season = year;
    return season;
}

static const char *number_text(struct sok_arena *arena, const struct sok_naming *naming)
{
    int season = naming->season < 0 ? 1 : naming->season;
    if (naming->episode < 0)
        return naming->air_date;
    if (naming->last_episode > naming->episode)
        return sok_format(arena, "S%02dE%02d-E%02d", season, naming->episode, naming->last_episode);
    return sok_format(arena, "S%02dE%02d", season, naming->episode);
}

// Jellyfin and Plex take what follows " - " for the version's name when the rest is the folder's name.
static const char *version_text(struct sok_arena *arena, const struct sok_naming *naming)
{
    const char *resolution = sok_naming_sanitise(arena, naming->resolution, 12);
    const char *edition = sok_naming_sanitise(arena, naming->edition, 40);
    return sok_format(arena, "%s%s%s", resolution, *resolution && *edition ? " " : "", edition);
}

static const char *value_of(
    struct sok_arena *arena, const struct sok_naming *naming, const struct token *token)
{
    switch (token->field) {
    case TITLE:
        return naming->title;
    case YEAR:
        return naming->year > 0 ? padded(arena, naming->year, token->padded) : NULL;
    case RESOLUTION:
        return naming->resolution;
    case EDITION:
        return naming->edition;
    case VERSION:
        return version_text(arena, naming);
    case SEASON:
        return padded(arena, season_of(arena, naming), token->padded);
    case EPISODE:
        return naming->episode >= 0 ? padded(arena, naming->episode, token->padded) : NULL;
    case NUMBER:
        return number_text(arena, naming);
    case EPISODE_TITLE:
        return naming->episode_title;
    case AIR_DATE:
        return naming->air_date;
    case FIELDS:
        break;
    }
    return NULL;
}

static void put_token(
    struct sok_arena *arena, const struct sok_naming *naming, const struct token *token, struct sok_buf *out)
{
    const char *value =
        sok_naming_sanitise(arena, value_of(arena, naming, token), fields[token->field].max_bytes);
    if (!*value)
        return;
    const char *after = token->start + token->before + token->name;
    const char *piece =
        sok_format(arena, "%.*s%s%.*s", token->before, token->start, value, token->after, after);
    // A year that the title ends with already is not said twice.
    if (token->field == YEAR && out->data && sok_text_ends(out->data, piece))
        return;
    sok_buf_puts(out, piece);
}

enum sok_status sok_naming_render(
    struct sok_arena *arena, const char *pattern, const struct sok_naming *naming, size_t file_max_bytes,
    char **ret_path, struct sok_error *err)
{
    SOK_BUF_AUTO path, part;
    sok_buf_init(&path, 16384);
    sok_buf_init(&part, 4096);
    for (const char *at = pattern;;) {
        struct token token;
        if (*at == '{') {
            const char *wrong = read_token(arena, at, naming->series, &token);
            if (wrong)
                return sok_fail(err, SOK_INVALID, "the pattern of names %s", wrong);
            put_token(arena, naming, &token, &part);
            at += token.len;
            continue;
        }
        if (*at && *at != '/') {
            sok_buf_append(&part, at++, 1);
            continue;
        }
        size_t max = *at ? SOK_NAMING_PART_MAX : file_max_bytes;
        const char *clean = sok_naming_sanitise(arena, part.len ? part.data : "", max);
        if (*clean)
            sok_buf_printf(&path, "%s%s", path.len ? "/" : "", clean);
        else if (!*at)
            return sok_fail(err, SOK_INVALID, "nothing is known that could name the file");
        if (!*at++)
            break;
        sok_buf_clear(&part);
    }
    *ret_path = sok_strdup(arena, path.data);
    return SOK_OK;
}

// --- Checking.

static const char *check_literal(const char *c)
{
    if ((unsigned char)*c < ' ' || *c == 0x7f || strchr("<>:\"|?*\\}", *c))
        return *c == '}' ? "has a } without its {" : "holds a character that file systems do not take";
    return NULL;
}

static bool bad_ends(const char *part, size_t len)
{
    return !len || strchr(" .", part[0]) || strchr(" .", part[len - 1]);
}

// Looks at one part; notes in `seen` which fields it has.
static const char *check_part(
    struct sok_arena *arena, const char *part, size_t len, bool series, bool seen[FIELDS])
{
    memset(seen, 0, FIELDS * sizeof(*seen));
    if (bad_ends(part, len))
        return "has a part that is empty, or begins or ends with a dot or a blank";
    for (const char *at = part; at < part + len;) {
        struct token token = {0};
        const char *wrong = *at == '{' ? read_token(arena, at, series, &token) : check_literal(at);
        if (wrong)
            return wrong;
        if (token.len)
            seen[token.field] = true;
        at += token.len ? token.len : 1;
    }
    return NULL;
}

const char *sok_naming_pattern_problem(struct sok_arena *arena, const char *pattern, bool series)
{
    bool seen[FIELDS] = {false};
    size_t parts = 0, total = strnlen(pattern, SOK_NAMING_PATTERN_MAX + 1);
    if (!total || total > SOK_NAMING_PATTERN_MAX || !sok_utf8_valid(pattern, total))
        return sok_format(arena, "must be a path of 1 to %d bytes", SOK_NAMING_PATTERN_MAX);
    for (const char *at = pattern;; parts++) {
        size_t len = strcspn(at, "/");
        const char *wrong = check_part(arena, at, len, series, seen);
        if (wrong)
            return wrong;
        at += len;
        if (!*at++)
            break;
    }
    if (parts < 1 || parts >= PARTS_MAX)
        return sok_format(arena, "must have 1 to %d folders before the file's name", PARTS_MAX - 1);
    if (!seen[TITLE])
        return "must have {title} in the file's name";
    if (series && !seen[NUMBER] && !(seen[SEASON] && seen[EPISODE]))
        return "must have {number}, or {season} and {episode}, in the file's name";
    return NULL;
}
