// What can be told of a setting's text without starting anything: its form, and whether the files and folders
// it names can be what they have to be.
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/mailbox.h"
#include "base/text.h"
#include "runtime/config_value.h"

#define FOLDERS_MAX 32
#define KEY_MAX_BYTES 4096
#define PASSPHRASE_MIN 8 // as services/backup wants it

// Calls `check` for every part of a list; the first complaint is the list's. Separators alone are no list.
typedef const char *(*part_check)(struct sok_arena *arena, const char *part);

static const char *each_part(
    struct sok_arena *arena, const char *text, const char *separators, part_check check)
{
    int count = 0;
    while (*text) {
        size_t len = strcspn(text, separators);
        const char *part = sok_text_trim(arena, sok_strndup(arena, text, len));
        const char *wrong = *part ? check(arena, part) : NULL;
        if (wrong)
            return wrong;
        count += *part != 0;
        text += len + (text[len] != 0);
    }
    return count ? NULL : "names nothing";
}

// The bytes of the address, 4 or 16; 0 when it is none.
static size_t read_ip(const char *text, unsigned char ret_bytes[16])
{
    return inet_pton(AF_INET, text, ret_bytes) == 1 ? 4 : inet_pton(AF_INET6, text, ret_bytes) == 1 ? 16 : 0;
}

static bool is_ip(const char *text)
{
    unsigned char bytes[16];
    return read_ip(text, bytes) > 0;
}

// Labels of letters, digits, '-' and '_' with dots between them. A last one of digits alone is an address
// gone wrong.
static bool is_host_name(const char *text)
{
    size_t len = strlen(text);
    if (!len || len > 253)
        return false;
    for (const char *label = text;; label++) {
        size_t part = strcspn(label, ".");
        if (!part || part > 63 || label[0] == '-' || label[part - 1] == '-')
            return false;
        for (size_t i = 0; i < part; i++)
            if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
                return false;
        if (!label[part] || !label[part + 1]) // a dot at the end is the root's
            return strspn(label, "0123456789") < part;
        label += part;
    }
}

// Splits at the last colon, takes the brackets of v6 off. False when there is no port in min_port-65535.
static bool split_port(struct sok_arena *arena, const char *text, int min_port, const char **ret_host)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !sok_parse_int(colon + 1, min_port, 65535, &port))
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
    if (!split_port(arena, part, 0, &host) || !is_ip(host))
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
    const char *host;
    if (sok_text_starts(part, "unix:"))
        return check_unix(part + 5);
    return split_port(arena, part, 0, &host) && strcmp(host, "localhost") == 0 ? NULL
                                                                               : check_endpoint(arena, part);
}

static const char *check_host(struct sok_arena *arena, const char *part)
{
    const char *host;
    if (!split_port(arena, part, 1, &host) || !(is_ip(host) || is_host_name(host)))
        return "expected HOST:PORT, comma-separated";
    return NULL;
}

static const char *check_name(struct sok_arena *arena SOK_UNUSED, const char *part)
{
    if (strcmp(part, "*") == 0 || is_host_name(sok_text_starts(part, "*.") ? part + 2 : part))
        return NULL;
    return "expected host names without a port, as NAME, *.NAME or *";
}

// Bits beyond the prefix are refused, as the API's rules refuse them: of 10.0.0.1/8 nobody knows whether one
// address is meant or sixteen million.
static const char *check_cidr(struct sok_arena *arena, const char *part)
{
    size_t len = strcspn(part, "/");
    unsigned char bytes[16];
    size_t count = read_ip(sok_strndup(arena, part, len), bytes);
    int64_t bits = (int64_t)count * 8;
    if (!count || (part[len] && !sok_parse_int(part + len + 1, 0, (int64_t)count * 8, &bits)))
        return "expected addresses or networks like 10.0.0.0/8, comma-separated";
    for (size_t bit = (size_t)bits; bit < count * 8; bit++)
        if (bytes[bit / 8] >> (7 - bit % 8) & 1)
            return "a network has no bits set behind its prefix: 10.0.0.0/8, not 10.0.0.1/8";
    return NULL;
}

static bool is_authority(struct sok_arena *arena, const char *text)
{
    size_t len = strlen(text);
    const char *host;
    bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (brackets)
        return is_ip(sok_strndup(arena, text + 1, len - 2));
    if (text[0] == '[' || strchr(text, ':'))
        return split_port(arena, text, 1, &host) && (is_ip(host) || is_host_name(host));
    return is_ip(text) || is_host_name(text);
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
        return is_authority(arena, at ? at + 1 : host);
    }
    return false;
}

static const char *check_http(struct sok_arena *arena, const char *part)
{
    static const char *const schemes[] = {"http", "https", NULL};
    if (!is_url(arena, part, schemes))
        return "expected a URL with http:// or https:// and a host";
    const char *host = strstr(part, "://") + 3;
    return memchr(host, '@', strcspn(host, "/?#")) ? "a user and a password in the URL are not understood"
                                                   : NULL;
}

// What paths are put behind.
static const char *check_base(struct sok_arena *arena, const char *text)
{
    const char *wrong = check_http(arena, text);
    return wrong                 ? wrong
           : strpbrk(text, "?#") ? "expected a URL without ? and #, since paths follow it"
                                 : NULL;
}

static const char *check_smtp(struct sok_arena *arena, const char *text)
{
    static const char *const schemes[] = {"smtp", "smtps", NULL};
    return is_url(arena, text, schemes) ? NULL : "expected smtp://HOST… or smtps://HOST…";
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

static const char *check_line(const char *text)
{
    return sok_utf8_is_line(text) ? NULL : "expected text without control characters";
}

// What goes into a header or a URL of a request.
static const char *check_key(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return "expected a key, without blanks or other than ASCII characters";
    return strlen(text) <= KEY_MAX_BYTES ? NULL : "expected a key of at most 4096 characters";
}

static const char *check_passphrase(const char *text)
{
    return strlen(text) >= PASSPHRASE_MIN ? check_line(text) : "expected at least 8 bytes";
}

static const char *check_mailbox(struct sok_arena *arena, const char *text)
{
    struct sok_mailbox box;
    struct sok_error unused = {0};
    return sok_mailbox_parse(arena, text, &box, &unused) == SOK_OK
               ? NULL
               : "expected a mail address, as a@example.org or Name <a@example.org>";
}

static const char *check_certificates(struct sok_arena *arena, const char *path)
{
    char line[256];
    bool found = false;
    FILE *file = fopen(path, "re");
    if (!file)
        return sok_format(arena, "the file cannot be read: %s", strerror(errno));
    while (!found && fgets(line, sizeof(line), file))
        found = sok_text_starts(line, "-----BEGIN ") && strstr(line, "CERTIFICATE-----");
    fclose(file);
    return found ? NULL : "expected a file of certificates (PEM)";
}

// Whether a folder is there or can be made: the nearest of those above it that is there has to be one. What
// this user may not look at is left to the start.
static const char *check_folder(struct sok_arena *arena, const char *path)
{
    char *part = sok_strdup(arena, path);
    for (;;) {
        struct stat info;
        if (stat(part, &info) == 0)
            return S_ISDIR(info.st_mode) ? NULL : "expected a folder: there is something else of that name";
        if (errno == ENOTDIR)
            return "expected a folder: there is something else of a name in its path";
        if (errno == ENAMETOOLONG || errno == ELOOP)
            return sok_format(arena, "expected a folder: %s", strerror(errno));
        char *slash = strrchr(part, '/');
        if (errno != ENOENT || !slash || slash == part)
            return NULL;
        *slash = '\0';
    }
}

static const char *check_folders(struct sok_arena *arena, const char *text)
{
    int count = 1;
    for (const char *c = text; *c; c++)
        count += *c == ':';
    if (count > FOLDERS_MAX)
        return "expected at most 32 folders";
    return each_part(arena, text, ":", check_folder);
}

static const char *check_backend(struct sok_arena *arena, enum sok_config_kind kind, const char *text)
{
    static const char *const redis[] = {"redis", "rediss", NULL};
    static const char *const nats[] = {"nats", "tls", NULL};
    switch (kind) {
    case SOK_CONFIG_REPLICAS:
        return each_part(arena, text, ", ", check_postgresql);
    case SOK_CONFIG_CACHE:
        return check_scheme_or(arena, text, "memory:", redis, "expected memory: or redis://HOST…");
    case SOK_CONFIG_QUEUE:
        return check_scheme_or(arena, text, "embedded:", nats, "expected embedded: or nats://HOST…");
    default:
        if (sok_text_starts(text, "sqlite:"))
            return text[7] ? NULL : "expected a path after sqlite:";
        return check_postgresql(arena, text) ? "expected sqlite:PATH or postgresql://…" : NULL;
    }
}

static const char *check_clamd(struct sok_arena *arena, const char *text)
{
    if (sok_text_starts(text, "unix:"))
        return check_unix(text + 5);
    return sok_text_starts(text, "tcp:") && !check_host(arena, text + 4)
               ? NULL
               : "expected unix:PATH or tcp:HOST:PORT";
}

static const char *check_file_or_secret(struct sok_arena *arena, enum sok_config_kind kind, const char *text)
{
    switch (kind) {
    case SOK_CONFIG_FOLDER:
        return check_folder(arena, text);
    case SOK_CONFIG_FOLDERS:
        return check_folders(arena, text);
    case SOK_CONFIG_CERTIFICATES:
        return check_certificates(arena, text);
    case SOK_CONFIG_MAILBOX:
        return check_mailbox(arena, text);
    case SOK_CONFIG_KEY:
        return check_key(text);
    case SOK_CONFIG_PASSPHRASE:
        return check_passphrase(text);
    default:
        return check_line(text);
    }
}

const char *sok_config_text_problem(struct sok_arena *arena, enum sok_config_kind kind, const char *text)
{
    switch (kind) {
    case SOK_CONFIG_LISTEN_OR_OFF:
        return sok_text_eq(text, "off") ? NULL : each_part(arena, text, ",", check_listen);
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
        return strcmp(text, "off") == 0 ? NULL : check_base(arena, text);
    case SOK_CONFIG_URL:
        return check_base(arena, text);
    case SOK_CONFIG_URLS:
        return each_part(arena, text, " \t", check_http);
    case SOK_CONFIG_DATABASE:
    case SOK_CONFIG_REPLICAS:
    case SOK_CONFIG_CACHE:
    case SOK_CONFIG_QUEUE:
        return check_backend(arena, kind, text);
    case SOK_CONFIG_SMTP:
        return check_smtp(arena, text);
    case SOK_CONFIG_PREFIX:
        return check_prefix(text);
    case SOK_CONFIG_CLAMD:
        return check_clamd(arena, text);
    default:
        return check_file_or_secret(arena, kind, text);
    }
}
