#include "services/providers/archive_org.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/uri.h"
#include "domain/infohash.h"
#include "net/url.h"
#include "services/providers/answer.h"

#define DEFAULT_URL "https://archive.org"

const char *sok_archive_org_query(struct sok_arena *arena, const char *title)
{
    // Lower case, so that no word of the title is an operator (AND, OR, NOT, TO).
    char *escaped = sok_alloc(arena, 2 * strlen(title) + 1), *out = escaped;
    for (const char *c = sok_answer_words(arena, title); *c; c++) {
        if (strchr("+-&|!(){}[]^\"~*?:\\/<>=", *c))
            *out++ = '\\';
        *out++ = (char)((unsigned char)*c < 0x80 ? tolower((unsigned char)*c) : *c);
    }
    if (!*escaped)
        return NULL;
    return sok_format(
        arena, "title:(%s) AND mediatype:(movies) AND format:(\"Archive BitTorrent\")", escaped);
}

// Whether the document's formats say that there is a film and a torrent. Nothing said: it is not known.
static bool formats_fit(const json_t *doc, bool has_hash)
{
    static const char *const videos[] = {"h.264",     "MPEG4",       "512Kb MPEG4", "Matroska", "Ogg Video",
                                         "WebM",      "HiRes MPEG4", "MPEG1",       "MPEG2",    "Cinepack",
                                         "QuickTime", "DivX",        "AVI"};
    const json_t *formats = json_object_get(doc, "format");
    bool video = !formats, torrent = has_hash;
    size_t count = json_is_array(formats) ? json_array_size(formats) : formats ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        const char *format = json_string_value(json_is_array(formats) ? json_array_get(formats, i) : formats);
        if (!format)
            continue;
        torrent = torrent || strcasecmp(format, "Archive BitTorrent") == 0;
        for (size_t k = 0; k < SOK_ARRAY_LEN(videos); k++)
            video = video || strncasecmp(format, videos[k], strlen(videos[k])) == 0;
    }
    return video && torrent;
}

static bool is_identifier(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    return len >= 1 && len <= 200 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@") == len;
}

static bool read_doc(
    struct sok_arena *arena, const json_t *doc, const char *base, int64_t now_ms,
    struct sok_found_release *ret)
{
    const char *id = sok_answer_any_text(arena, doc, "identifier");
    const char *title = sok_answer_text(arena, sok_answer_any_text(arena, doc, "title"), 500);
    char hash[SOK_INFOHASH_TEXT];
    bool has_hash = sok_infohash_normalise(sok_answer_any_text(arena, doc, "btih"), hash) &&
                    strlen(hash) == SOK_INFOHASH_V1_LEN;
    if (!is_identifier(id) || !formats_fit(doc, has_hash))
        return false;
    struct sok_found_release release = {
        .guid = sok_strdup(arena, id),
        .protocol = "torrent",
        .seeders = -1,
        .leechers = -1,
        .download_factor = -1,
        .indexer = "archive.org",
    };
    int year = sok_answer_year(sok_answer_any_text(arena, doc, "year"));
    if (!year)
        year = sok_answer_year(sok_answer_any_text(arena, doc, "date"));
    release.title = title ? title : release.guid;
    if (year && !strstr(release.title, sok_format(arena, "%d", year)))
        release.title = sok_format(arena, "%s (%d)", release.title, year);
    if (has_hash) // no magnet: the .torrent names web seeds, which always work, and a magnet needs peers
                  // first
        release.info_hash = sok_strdup(arena, hash);
    const char *path = sok_format(arena, "download/%s/%s_archive.torrent", id, id);
    release.torrent_url = sok_url_join(arena, base, path);
    release.details_url = sok_url_join(arena, base, sok_format(arena, "details/%s", id));
    int64_t size = sok_answer_any_int(doc, "item_size", 0);
    release.size_bytes = size > 0 ? size : 0;
    release.published_at = sok_answer_date(sok_answer_any_text(arena, doc, "publicdate"), now_ms);
    *ret = release;
    return true;
}

enum sok_status sok_archive_org_parse(
    struct sok_arena *arena, const json_t *answer, const char *base, int64_t now_ms,
    struct sok_found_releases *ret, struct sok_error *err)
{
    const char *wrong = sok_json_text(answer, "error", NULL); // comes with HTTP 200
    if (wrong)
        return sok_fail(
            err, SOK_INVALID, "the Internet Archive says: %s", sok_answer_text(arena, wrong, 150));
    const json_t *docs = json_object_get(json_object_get(answer, "response"), "docs");
    if (!json_is_array(docs))
        return sok_fail(err, SOK_PROTOCOL, "the Internet Archive's answer has no documents");
    struct sok_found_releases found = {0};
    size_t capacity = 0, i;
    const json_t *doc;
    json_array_foreach(docs, i, doc)
    {
        struct sok_found_release release;
        if (found.count == SOK_FOUND_RELEASES_MAX)
            break;
        if (!read_doc(arena, doc, base, now_ms, &release))
            continue;
        found.items = sok_grow_array(arena, found.items, &capacity, found.count + 1, sizeof(*found.items));
        found.items[found.count++] = release;
    }
    *ret = found;
    return SOK_OK;
}

// --- Asking.

static const char *search_url(const struct sok_provider_call *call, const char *query, const char *rows)
{
    struct sok_arena *arena = call->arena;
    const char *url = sok_url_join(arena, sok_provider_base(call, DEFAULT_URL), "advancedsearch.php");
    static const char *const fields[] = {"identifier", "title", "year",      "date",
                                         "publicdate", "btih",  "item_size", "format"};
    if (!url)
        return NULL;
    url = sok_url_with(arena, url, "q", query);
    for (size_t i = 0; i < SOK_ARRAY_LEN(fields); i++)
        url = sok_url_with(arena, url, "fl[]", fields[i]);
    url = sok_url_with(arena, url, "sort[]", "downloads desc");
    url = sok_url_with(arena, url, "rows", rows);
    url = sok_url_with(arena, url, "page", "1");
    return sok_url_with(arena, url, "output", "json");
}

static enum sok_status ask(
    const struct sok_provider_call *call, const char *query, const char *rows, struct sok_found_releases *ret,
    struct sok_error *err)
{
    SOK_JSON_AUTO *answer = NULL;
    SOK_TRY(sok_provider_fetch_json(call, search_url(call, query, rows), NULL, NULL, &answer, err));
    const char *base = sok_provider_base(call, DEFAULT_URL);
    return sok_archive_org_parse(call->arena, answer, base, sok_clock_now_ms(call->clock), ret, err);
}

static enum sok_status search(
    const struct sok_provider_call *call, const struct sok_provider_query *query,
    struct sok_found_releases *ret, struct sok_error *err)
{
    const char *words = query->title ? sok_archive_org_query(call->arena, query->title) : NULL;
    if (!words) {
        *ret = (struct sok_found_releases){0};
        return SOK_OK;
    }
    return ask(call, words, "50", ret, err);
}

static enum sok_status test(const struct sok_provider_call *call, struct sok_error *err)
{
    struct sok_found_releases found;
    return ask(call, "mediatype:(movies)", "1", &found, err);
}

const struct sok_provider_driver sok_archive_org_driver = {
    .kind = "archive_org",
    .label = "Internet Archive",
    .default_url = DEFAULT_URL,
    .can = SOK_PROVIDER_RELEASES,
    .search = search,
    .test = test,
};
