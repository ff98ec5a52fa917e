// What the drivers share: asking within a call's limits, and reading the sloppy values of strangers' answers.
#ifndef SOK_SERVICES_PROVIDERS_ANSWER_H
#define SOK_SERVICES_PROVIDERS_ANSWER_H

#include "base/json.h"
#include "services/providers/provider.h"

#define SOK_TITLE_BYTES_MAX 1024
#define SOK_URL_BYTES_MAX 8192
#define SOK_OVERVIEW_BYTES_MAX 16384
#define SOK_FOUND_RELEASES_MAX 1000 // of one provider in one search
#define SOK_FOUND_MEDIA_MAX 50
#define SOK_FOUND_EPISODES_MAX 5000
#define SOK_JSON_ANSWER_MAX ((size_t)4 << 20)

// Whether one more request makes sense before the call's deadline.
bool sok_provider_has_time(const struct sok_provider_call *call);

// GET within what is left of the call's time (default_ms where it has no deadline), under the provider's
// circuit breaker. `headers` may be NULL. As sok_http_fetch otherwise.
SOK_MUST_CHECK enum sok_status sok_provider_fetch(
    const struct sok_provider_call *call, const char *url, const char *const *headers, int64_t default_ms,
    struct sok_http_reply *ret, struct sok_error *err);

// The same for JSON: *ret is the caller's reference. SOK_PROTOCOL (code "html_page" or "not_json") when
// something else came. With an HTTP error the body's own words, found under one of `explain` (keys of the
// object, NULL-terminated; may be NULL), become part of the message.
SOK_MUST_CHECK enum sok_status sok_provider_fetch_json(
    const struct sok_provider_call *call, const char *url, const char *const *headers,
    const char *const *explain, json_t **ret, struct sok_error *err);

// The configured base URL or the driver's default.
const char *sok_provider_base(const struct sok_provider_call *call, const char *default_url);

// Clean UTF-8 without white space at the ends, line breaks as blanks, cut at max_bytes (at a character). NULL
// for NULL and what ends up empty.
const char *sok_answer_text(struct sok_arena *arena, const char *text, size_t max_bytes);
// Whether a text carries `key` (may be NULL), or a parameter that is a key by its name.
bool sok_answer_has_secret(const char *text, const char *key);
// A release's guid as users may see it: one that carries a key (`key`, or a parameter that is one by its
// name), or is longer than max_bytes, becomes its digest, which identifies as well. NULL as above.
const char *sok_answer_guid(struct sok_arena *arena, const char *guid, const char *key, size_t max_bytes);
// As sok_answer_text, without HTML tags and with its entities decoded.
const char *sok_answer_html(struct sok_arena *arena, const char *html, size_t max_bytes);
// &amp; and the like once more, for titles that were escaped twice.
const char *sok_answer_unescape(struct sok_arena *arena, const char *text);

// "1.37 GiB", "609.6 MiB", "0.99 GB", "341 m", "1234567": bytes (1024-based also for GB, as trackers mean
// it); 0 for anything else. The number may stand anywhere behind `label` in the text when label is given
// ("Size:").
int64_t sok_answer_size(const char *text, const char *label);

// RFC 822 with all that feeds make of it (no zone: UTC; wrong weekday; short zones), or ISO 8601. 0 when it
// is no date; never behind now_ms.
int64_t sok_answer_date(const char *text, int64_t now_ms);
// The year of "2010-07-16" and the like, 0 when there is none.
int sok_answer_year(const char *date);

// A field that may be a text, a number or a list of either: its first value. NULL / fallback when none.
const char *sok_answer_any_text(struct sok_arena *arena, const json_t *object, const char *key);
int64_t sok_answer_any_int(const json_t *object, const char *key, int64_t fallback);

// "tt" and 7 or more digits, from digits, "tt..." or a number; NULL when it is none.
const char *sok_answer_imdb(struct sok_arena *arena, const char *text);
const char *sok_answer_imdb_number(struct sok_arena *arena, int64_t number);

// Fills magnet, info_hash and trackers of a release from a magnet: URI (may be NULL) and a hash as the
// indexer gives it (may be NULL). The magnet wins where they disagree.
void sok_answer_hashes(
    struct sok_arena *arena, struct sok_found_release *release, const char *magnet, const char *info_hash);

// The words to search for: the title without punctuation that indexers stumble over. The second one without
// accents, too (of a title in Latin letters): releases are named in plain letters, and many an indexer
// compares letters.
const char *sok_answer_words(struct sok_arena *arena, const char *title);
const char *sok_answer_query_words(struct sok_arena *arena, const char *title);

// Whether these Newznab categories (0-terminated) are something to watch: no 6000s, and not only games,
// music, programs or books.
bool sok_answer_category_fits(const int *categories);

#endif
