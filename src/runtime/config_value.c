#include "runtime/config_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/text.h"

// Calls `check` for every part of a list; the first complaint is the list's.
typedef const char *(*part_check)(struct sok_arena *arena, const char *part);

static const char *each_part(
    struct sok_arena *arena, const char *text, const char *separators, part_check check)
{
    while (*text) {
        size_t len = strcspn(text, separators);
        const char *part = sok_text_trim(arena, sok_strndup(arena, text, len));
        const char *wrong = *part ? check(arena, part) : NULL;
        if (wrong)
            return wrong;
        text += len + (text[len] != 0);
    }
    return NULL;
}

static bool is_ip(const char *text)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool is_host_name(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len < 254 && text[0] != '.' && text[0] != '-' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == len;
}

// Splits at the last colon, takes the brackets of v6 off. False when there is no port in 0-65535.
static bool split_port(struct sok_arena *arena, const char *text, const char **ret_host)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !sok_parse_int(colon + 1, 0, 65535, &port))
        return false;
    size_t len = (size_t)(colon - text);
    bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
    char *host = brackets ? sok_strndup(arena, text + 1, len - 2) : sok_strndup(arena, text, len);
    if (!brackets && strchr(host, ':'))
        return false;
    *ret_host = host;
    return true;
}

static const char *check_endpoint(struct sok_arena *arena, const char *part)
{
    const char *host;
    if (!split_port(arena, part, &host) || !(is_ip(host) || strcmp(host, "localhost") == 0))
        return "expected ADDRESS:PORT with an IP address (v6 in brackets) and a port of 0 to 65535";
    return NULL;
}

static const char *check_unix(const char *path)
{
    size_t len = strlen(path);
    return len && len < sizeof(((struct sockaddr_un *)0)->sun_path)
               ? NULL
               : "expected unix:PATH of 1 to 107 characters";
}

static const char *check_listen(struct sok_arena *arena, const char *part)
{
    return sok_text_starts(part, "unix:") ? check_unix(part + 5) : check_endpoint(arena, part);
}

static const char *check_host(struct sok_arena *arena, const char *part)
{
    const char *host;
    if (!split_port(arena, part, &host) || !(is_ip(host) || is_host_name(host)))
        return "expected HOST:PORT, comma-separated";
    return NULL;
}

static const char *check_name(struct sok_arena *arena SOK_UNUSED, const char *part)
{
    if (strcmp(part, "*") == 0 || is_host_name(sok_text_starts(part, "*.") ? part + 2 : part))
        return NULL;
    return "expected host names without a port, as NAME, *.NAME or *";
}

static const char *check_cidr(struct sok_arena *arena, const char *part)
{
    size_t len = strcspn(part, "/");
    const char *address = sok_strndup(arena, part, len);
    int64_t bits;
    if (!is_ip(address) ||
        (part[len] && !sok_parse_int(part + len + 1, 0, strchr(address, ':') ? 128 : 32, &bits)))
        return "expected addresses or networks like 10.0.0.0/8, comma-separated";
    return NULL;
}

// SCHEME://[user@]host[:port][/...] without blanks or control characters.
static bool is_url(struct sok_arena *arena, const char *text, const char *const *schemes)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return false;
    for (; *schemes; schemes++) {
        size_t len = strlen(*schemes);
        if (strncasecmp(text, *schemes, len) != 0 || strncmp(text + len, "://", 3) != 0)
            continue;
        char *host = sok_strndup(arena, text + len + 3, strcspn(text + len + 3, "/?#"));
        const char *at = strrchr(host, '@');
        const char *rest = at ? at + 1 : host;
        const char *bare;
        if (*rest == '[' ? rest[strlen(rest) - 1] != ']' : strchr(rest, ':') != NULL)
            return split_port(arena, rest, &bare) && (is_ip(bare) || is_host_name(bare));
        return *rest == '[' || is_host_name(rest);
    }
    return false;
}

static const char *check_http(struct sok_arena *arena, const char *part)
{
    static const char *const schemes[] = {"http", "https", NULL};
    return is_url(arena, part, schemes) ? NULL : "expected a URL with http:// or https:// and a host";
}

static const char *check_postgresql(struct sok_arena *arena, const char *part)
{
    return sok_text_starts(part, "postgresql://") || sok_text_starts(part, "postgres://")
               ? NULL
               : "expected postgresql://… URLs, comma-separated";
}

static const char *check_scheme_or(
    struct sok_arena *arena, const char *text, const char *word, const char *const *schemes,
    const char *wrong)
{
    return sok_text_eq(text, word) || is_url(arena, text, schemes) ? NULL : wrong;
}

// Nothing that nginx would read as more than a path, so that what is put behind it stays beneath it.
static const char *check_prefix(const char *text)
{
    size_t len = strlen(text);
    bool is_right = len >= 3 && len <= 200 && text[0] == '/' && text[len - 1] == '/' && !strstr(text, "//");
    for (const char *c = text; *c && is_right; c++)
        is_right = isalnum((unsigned char)*c) || strchr("/_-", *c);
    return is_right ? NULL : "expected a path such as /_library/";
}

static const char *check_text(struct sok_arena *arena, const struct sok_config_row *row, const char *text)
{
    static const char *const redis[] = {"redis", "rediss", NULL};
    static const char *const nats[] = {"nats", "tls", NULL};
    static const char *const smtp[] = {"smtp", "smtps", NULL};
    switch (row->kind) {
    case SOK_CONFIG_LISTEN_OR_OFF:
        if (sok_text_eq(text, "off"))
            return NULL;
        return each_part(arena, text, ",", check_listen);
    case SOK_CONFIG_LISTEN:
        return each_part(arena, text, ",", check_listen);
    case SOK_CONFIG_ENDPOINTS:
        return each_part(arena, text, ",", check_endpoint);
    case SOK_CONFIG_HOSTS:
        return each_part(arena, text, ", ", check_host);
    case SOK_CONFIG_NAMES:
        return each_part(arena, text, ", ", check_name);
    case SOK_CONFIG_CIDRS:
        return each_part(arena, text, ", ", check_cidr);
    case SOK_CONFIG_URL_OR_OFF:
        return strcmp(text, "off") == 0 ? NULL : check_http(arena, text);
    case SOK_CONFIG_URL:
        return check_http(arena, text);
    case SOK_CONFIG_URLS:
        return each_part(arena, text, " \t", check_http);
    case SOK_CONFIG_DATABASE:
        if (sok_text_starts(text, "sqlite:"))
            return text[7] ? NULL : "expected a path after sqlite:";
        return check_postgresql(arena, text) ? "expected sqlite:PATH or postgresql://…" : NULL;
    case SOK_CONFIG_REPLICAS:
        return each_part(arena, text, ", ", check_postgresql);
    case SOK_CONFIG_CACHE:
        return check_scheme_or(arena, text, "memory:", redis, "expected memory: or redis://HOST…");
    case SOK_CONFIG_QUEUE:
        return check_scheme_or(arena, text, "embedded:", nats, "expected embedded: or nats://HOST…");
    case SOK_CONFIG_SMTP:
        return is_url(arena, text, smtp) ? NULL : "expected smtp://HOST… or smtps://HOST…";
    case SOK_CONFIG_PREFIX:
        return check_prefix(text);
    case SOK_CONFIG_CLAMD:
        if (sok_text_starts(text, "unix:"))
            return check_unix(text + 5);
        return sok_text_starts(text, "tcp:") && !check_host(arena, text + 4)
                   ? NULL
                   : "expected unix:PATH or tcp:HOST:PORT";
    default:
        return NULL;
    }
}

// The place of `text` in a NULL-terminated list of words (any case), or -1.
static int find_word(const char *const *words, const char *text)
{
    for (int i = 0; words[i]; i++)
        if (strcasecmp(words[i], text) == 0)
            return i;
    return -1;
}

static const char *parse_number(
    struct sok_arena *arena, const struct sok_config_row *row, const char *text, void *field)
{
    if (row->kind == SOK_CONFIG_REAL) {
        if (sok_parse_double(text, row->min, row->max, field))
            return NULL;
        return sok_format(arena, "expected a number from %g to %g", row->min, row->max);
    }
    if (row->kind == SOK_CONFIG_RATE && sok_text_ends(text, "/min"))
        text = sok_strndup(arena, text, strlen(text) - 4);
    if (sok_parse_int(text, (int64_t)row->min, (int64_t)row->max, field))
        return NULL;
    return sok_format(arena, "expected a whole number from %.0f to %.0f", row->min, row->max);
}

const char *const sok_role_names[] = {"api", "scout", "hunter", "oracle", "sentinel", NULL};

static const char *parse_roles(struct sok_arena *arena, const char *text, unsigned *ret_roles)
{
    unsigned roles = 0;
    while (*text) {
        size_t len = strcspn(text, ",");
        int at = find_word(sok_role_names, sok_text_trim(arena, sok_strndup(arena, text, len)));
        if (at < 0)
            return "expected a comma-separated list of api, scout, hunter, oracle, sentinel";
        roles |= 1U << at;
        text += len + (text[len] != 0);
    }
    *ret_roles = roles;
    return roles ? NULL : "names no role";
}

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"auto", "json", "text", NULL}; // as enum sok_log_format

const char *const *sok_config_words(enum sok_config_kind kind)
{
    return kind == SOK_CONFIG_LOG_LEVEL ? log_levels : kind == SOK_CONFIG_LOG_FORMAT ? log_formats : NULL;
}

const char *sok_config_word(const struct sok_config_row *row, const struct sok_config *config)
{
    if (row->kind == SOK_CONFIG_LOG_LEVEL)
        return log_levels[config->log_level];
    return row->kind == SOK_CONFIG_LOG_FORMAT ? log_formats[config->log_format] : NULL;
}

static const char *parse_word(enum sok_config_kind kind, const char *text, void *field)
{
    static const char *const bools[] = {"off", "on", "false", "true", "no", "yes", "0", "1", NULL};
    int at = find_word(kind == SOK_CONFIG_BOOL ? bools : sok_config_words(kind), text);
    if (kind == SOK_CONFIG_BOOL) {
        if (at < 0)
            return "expected on or off";
        *(bool *)field = at % 2 == 1;
    } else if (kind == SOK_CONFIG_LOG_LEVEL) {
        if (at < 0)
            return "expected debug, info, warn or error";
        *(enum sok_log_level *)field = (enum sok_log_level)at;
    } else {
        if (at < 0)
            return "expected json, text or auto";
        *(enum sok_log_format *)field = (enum sok_log_format)at;
    }
    return NULL;
}

const char *sok_config_value_parse(
    struct sok_arena *arena, const struct sok_config_row *row, const char *text, struct sok_config *config)
{
    void *field = (char *)config + row->offset;
    switch (row->kind) {
    case SOK_CONFIG_INT:
    case SOK_CONFIG_RATE:
    case SOK_CONFIG_REAL:
        return parse_number(arena, row, text, field);
    case SOK_CONFIG_ROLES:
        return parse_roles(arena, text, field);
    case SOK_CONFIG_BOOL:
    case SOK_CONFIG_LOG_LEVEL:
    case SOK_CONFIG_LOG_FORMAT:
        return parse_word(row->kind, text, field);
    default:
        break;
    }
    const char *wrong = check_text(arena, row, text);
    if (!wrong)
        *(const char **)field = *text ? sok_strdup(arena, text) : NULL;
    return wrong;
}
