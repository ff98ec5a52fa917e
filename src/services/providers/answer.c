#include "services/providers/answer.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/text.h"
#include "base/time.h"
#include "domain/infohash.h"
#include "services/providers/xml_repair.h"

#define METADATA_TIMEOUT_MS 10000

// --- Text.

bool sok_answer_has_secret(const char *text, const char *key)
{
    static const char *const names[] = {
        "apikey=", "api_key=", "passkey=", "torrent_pass=", "secret_key=", "&r="};
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++)
        if (strcasestr(text, names[i]))
            return true;
    return !sok_text_empty(key) && strstr(text, key);
}

bool sok_provider_has_key(const struct sok_provider_config *config)
{
    const char *query = config->base_url ? strchr(config->base_url, '?') : NULL;
    return !sok_text_empty(config->api_key) || (query && sok_answer_has_secret(query, NULL));
}

const char *sok_answer_guid(struct sok_arena *arena, const char *guid, const char *key, size_t max_bytes)
{
    char digest[SOK_SHA256_HEX];
    if (!guid || (!sok_answer_has_secret(guid, key) && strlen(guid) <= max_bytes))
        return sok_answer_text(arena, guid, max_bytes);
    sok_sha256_hex(guid, strlen(guid), digest);
    return sok_format(arena, "sha256:%.32s", digest);
}

const char *sok_answer_text(struct sok_arena *arena, const char *text, size_t max_bytes)
{
    if (!text)
        return NULL;
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strnlen(text, max_bytes + 1);
    if (len > max_bytes)
        for (len = max_bytes; len && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    if (!len)
        return NULL;
    char *clean = sok_utf8_clean(arena, text, len);
    for (char *c = clean; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    return *clean ? clean : NULL;
}

// The code of the entity "name;" at `at`, 0 for none; *ret_len includes the semicolon.
static long entity_code(const char *at, size_t *ret_len)
{
    size_t len = 0;
    while (len < 12 && (isalnum((unsigned char)at[len]) || at[len] == '#'))
        len++;
    if (!len || at[len] != ';')
        return 0;
    *ret_len = len + 1;
    if (*at == '#') {
        bool hex = at[1] == 'x' || at[1] == 'X';
        return strtol(at + (hex ? 2 : 1), NULL, hex ? 16 : 10);
    }
    return sok_xml_entity_code(at, len);
}

static char *put_code(char *out, long code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 63));
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    }
    return out;
}

const char *sok_answer_unescape(struct sok_arena *arena, const char *text)
{
    if (!text || !strchr(text, '&'))
        return text;
    char *copy = sok_alloc(arena, strlen(text) + 1), *out = copy; // an entity is never shorter than its UTF-8
    while (*text) {
        size_t len = 0;
        long code = *text == '&' ? entity_code(text + 1, &len) : 0;
        if (code >= 0x20 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) {
            out = put_code(out, code);
            text += len + 1;
        } else {
            *out++ = *text++;
        }
    }
    return copy;
}

const char *sok_answer_html(struct sok_arena *arena, const char *html, size_t max_bytes)
{
    if (!html)
        return NULL;
    char *copy = sok_alloc(arena, strlen(html) + 1), *out = copy;
    for (bool inside = false; *html; html++) {
        if (*html == '<')
            inside = true;
        else if (!inside)
            *out++ = *html;
        else if (*html == '>')
            inside = false;
    }
    return sok_answer_text(arena, sok_answer_unescape(arena, copy), max_bytes);
}

const char *sok_answer_words(struct sok_arena *arena, const char *title)
{
    char *words = sok_alloc(arena, strlen(title) + 1), *out = words;
    for (const char *c = title; *c; c++) {
        bool apostrophe =
            *c == '\'' || strncmp(c, "\xe2\x80\x99", 3) == 0 || strncmp(c, "\xe2\x80\x98", 3) == 0;
        if (apostrophe) {
            c += *c == '\'' ? 0 : 2;
        } else if ((unsigned char)*c >= 0x80 || isalnum((unsigned char)*c)) {
            *out++ = *c;
        } else if (out > words && out[-1] != ' ') {
            *out++ = ' ';
        }
    }
    while (out > words && out[-1] == ' ')
        *--out = 0;
    return words;
}

static bool is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return !*text;
}

const char *sok_answer_query_words(struct sok_arena *arena, const char *title)
{
    const char *words = sok_answer_words(arena, title), *folded = sok_text_fold(arena, words);
    return is_ascii(folded) && !is_ascii(words) ? folded : words;
}

// --- Numbers, sizes and dates.

static int64_t size_at(const char *text)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return 0;
    double number = strtod(text, &end);
    while (*end == ' ')
        end++;
    static const char units[] = "kmgtp";
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
    const char *rest = unit ? end + 1 : end;
    if (strncasecmp(rest, "ib", 2) == 0)
        rest += 2;
    else if (tolower((unsigned char)*rest) == 'b')
        rest += strncasecmp(rest, "bytes", 5) == 0 ? 5 : 1;
    if (isalnum((unsigned char)*rest))
        return 0;
    double bytes = ldexp(number, unit ? 10 * (int)(unit - units + 1) : 0);
    return isfinite(bytes) && bytes >= 1 && bytes < 9e15 ? (int64_t)bytes : 0;
}

int64_t sok_answer_size(const char *text, const char *label)
{
    if (!text)
        return 0;
    const char *at = label ? strcasestr(text, label) : text;
    if (!at)
        return 0;
    at += label ? strlen(label) : 0;
    while (isspace((unsigned char)*at) || *at == ':')
        at++;
    return size_at(at);
}

static int month_of(const char *name)
{
    static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int i = 0; i < 12; i++)
        if (strncasecmp(name, months + 3 * i, 3) == 0)
            return i;
    return -1;
}

// "+0200", "-12", "GMT", "UTC", "" ...: minutes east of UTC; names but the American ones count as UTC.
static int zone_minutes(const char *zone)
{
    static const struct {
        const char *name;
        int hours;
    } names[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
                 {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++)
        if (strncasecmp(zone, names[i].name, 3) == 0)
            return names[i].hours * 60;
    if (*zone != '+' && *zone != '-')
        return 0;
    int hours = 0, minutes = 0, used = 0;
    if (sscanf(zone + 1, "%2d%n", &hours, &used) != 1)
        return 0;
    const char *rest = zone + 1 + used + (zone[1 + used] == ':');
    if (isdigit((unsigned char)*rest) && sscanf(rest, "%2d", &minutes) != 1)
        minutes = 0;
    int total = hours * 60 + minutes;
    return *zone == '-' ? -total : total;
}

static bool parse_rfc822(const char *text, int64_t *ret_ms)
{
    const char *comma = strchr(text, ','); // the weekday is not looked at: it is sometimes wrong
    const char *at = comma ? comma + 1 : text;
    struct tm tm = {0};
    char month[10];
    int used = 0;
    if (sscanf(at, " %2d%*[ -]%9[A-Za-z]%*[ -]%4d%n", &tm.tm_mday, month, &tm.tm_year, &used) != 3)
        return false;
    tm.tm_mon = month_of(month);
    at += used;
    if (sscanf(at, " %2d:%2d%n", &tm.tm_hour, &tm.tm_min, &used) == 2) {
        at += used;
        if (*at == ':' && sscanf(at, ":%2d%n", &tm.tm_sec, &used) == 1)
            at += used;
    }
    while (*at == ' ')
        at++;
    if (tm.tm_year < 100)
        tm.tm_year += tm.tm_year < 70 ? 2000 : 1900;
    if (tm.tm_mon < 0 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 ||
        tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60 || tm.tm_year < 1900)
        return false;
    tm.tm_year -= 1900;
    *ret_ms = ((int64_t)timegm(&tm) - zone_minutes(at) * 60) * 1000;
    return true;
}

int64_t sok_answer_date(const char *text, int64_t now_ms)
{
    int64_t at_ms;
    if (!text)
        return 0;
    while (isspace((unsigned char)*text))
        text++;
    if (!sok_time_parse(text, &at_ms) && !parse_rfc822(text, &at_ms))
        return 0;
    if (at_ms > now_ms)
        return now_ms;
    return at_ms > 0 ? at_ms : 0;
}

int sok_answer_year(const char *date)
{
    int year = 0;
    if (!date || sscanf(date, "%4d", &year) != 1 || year < 1850 || year > 2200)
        return 0;
    return year;
}

// --- JSON of every shape.

static const json_t *first_value(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_array(value) ? json_array_get(value, 0) : value;
}

const char *sok_answer_any_text(struct sok_arena *arena, const json_t *object, const char *key)
{
    const json_t *value = first_value(object, key);
    if (json_is_integer(value))
        return sok_format(arena, "%lld", (long long)json_integer_value(value));
    return json_string_value(value);
}

int64_t sok_answer_any_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = first_value(object, key);
    int64_t number;
    if (json_is_integer(value))
        return json_integer_value(value);
    if (json_is_real(value) && fabs(json_real_value(value)) < 9e15)
        return (int64_t)json_real_value(value);
    return sok_parse_int(json_string_value(value), INT64_MIN, INT64_MAX, &number) ? number : fallback;
}

// --- Ids and hashes.

const char *sok_answer_imdb(struct sok_arena *arena, const char *text)
{
    int64_t number;
    if (!text)
        return NULL;
    if (strncasecmp(text, "tt", 2) == 0)
        text += 2;
    return sok_parse_int(text, 1, 9999999999, &number) ? sok_answer_imdb_number(arena, number) : NULL;
}

const char *sok_answer_imdb_number(struct sok_arena *arena, int64_t number)
{
    return number > 0 && number <= 9999999999 ? sok_format(arena, "tt%07lld", (long long)number) : NULL;
}

void sok_answer_hashes(
    struct sok_arena *arena, struct sok_found_release *release, const char *magnet, const char *info_hash)
{
    struct sok_magnet parsed;
    char hash[SOK_INFOHASH_TEXT];
    if (magnet && sok_magnet_parse(arena, magnet, &parsed, NULL) == SOK_OK) {
        release->magnet = magnet;
        release->info_hash = sok_strdup(arena, sok_magnet_hash(&parsed));
        release->trackers = parsed.trackers;
        release->tracker_count = parsed.tracker_count;
        if (!release->size_bytes && parsed.size_bytes > 0)
            release->size_bytes = parsed.size_bytes;
    } else if (sok_infohash_normalise(info_hash, hash)) {
        release->info_hash = sok_strdup(arena, hash);
    }
}

bool sok_answer_category_fits(const int *categories)
{
    bool known = false, fits = false;
    for (; *categories; categories++) {
        int kind = *categories / 1000;
        if (kind == 6)
            return false;
        if (*categories >= 100000)
            continue;
        known = true;
        fits = fits || kind == 2 || kind == 5 || kind == 7 || kind == 8; // old sites swap 7000 and 8000
    }
    return fits || !known;
}

// --- Asking.

static int64_t time_left(const struct sok_provider_call *call, int64_t default_ms)
{
    if (!call->deadline_mono_ms)
        return default_ms;
    return call->deadline_mono_ms - sok_clock_mono_ms(call->clock);
}

bool sok_provider_has_time(const struct sok_provider_call *call)
{
    return time_left(call, 1) > 0;
}

const char *sok_provider_base(const struct sok_provider_call *call, const char *default_url)
{
    return sok_text_empty(call->config->base_url) ? default_url : call->config->base_url;
}

// Whether it is a program that whoever runs this chose the address of (Prowlarr, Jackett, an indexer), not a
// service of the whole world's: to those a trace would only say which of its questions belong together.
static bool is_own(const struct sok_provider_call *call)
{
    const struct sok_provider_driver *driver = sok_provider_driver_find(call->config->kind);
    return driver && !driver->default_url;
}

enum sok_status sok_provider_fetch(
    const struct sok_provider_call *call, const char *url, const char *const *headers, int64_t default_ms,
    struct sok_http_reply *ret, struct sok_error *err)
{
    int64_t left_ms = time_left(call, default_ms);
    *ret = (struct sok_http_reply){.body = "", .content_type = "", .final_url = ""};
    if (!url)
        return sok_fail(err, SOK_INVALID, "%.64s: its URL is wrong", call->config->name);
    if (left_ms <= 0)
        return sok_fail(err, SOK_TIMEOUT, "%.64s: no answer in time", call->config->name);
    struct sok_http_fetch fetch = {
        .url = url,
        .headers = headers,
        .timeout_ms = left_ms,
        .breaker = call->config->id,
        .traced = is_own(call),
        .cancelled = call->cancelled,
    };
    return sok_http_fetch(call->http, call->arena, &fetch, ret, err);
}

// What the provider says about its own refusal, behind the status line. Its words are bounded and cleaned; a
// key that it echoes is not shown.
static void explain_error(
    const struct sok_provider_call *call, const json_t *body, const char *const *explain,
    struct sok_error *err)
{
    for (; err && explain && *explain; explain++) {
        const char *words = sok_answer_text(call->arena, sok_json_text(body, *explain, NULL), 100);
        if (!words || (call->config->api_key && strstr(words, call->config->api_key)))
            continue;
        size_t len = strlen(err->message);
        snprintf(err->message + len, sizeof(err->message) - len, ": %s", words);
        return;
    }
}

enum sok_status sok_provider_fetch_json(
    const struct sok_provider_call *call, const char *url, const char *const *headers,
    const char *const *explain, json_t **ret, struct sok_error *err)
{
    struct sok_http_reply reply;
    enum sok_status status = sok_provider_fetch(call, url, headers, METADATA_TIMEOUT_MS, &reply, err);
    SOK_JSON_AUTO *body = NULL;
    enum sok_status parsed = SOK_INVALID;
    if (reply.body_len)
        parsed = sok_json_parse_lenient(reply.body, reply.body_len, SOK_JSON_ANSWER_MAX, &body, NULL);
    if (status != SOK_OK) {
        explain_error(call, body, explain, err);
        return status;
    }
    if (parsed != SOK_OK) {
        const char *at = reply.body;
        while (isspace((unsigned char)*at))
            at++;
        bool html = *at == '<';
        sok_fail(
            err, SOK_PROTOCOL, "%.64s: %s came instead of JSON%s", call->config->name,
            html ? "a web page" : "something else", html ? " (a login page or a blocked site?)" : "");
        if (err)
            err->code = html ? "html_page" : "not_json";
        return SOK_PROTOCOL;
    }
    *ret = json_incref(body);
    return SOK_OK;
}
