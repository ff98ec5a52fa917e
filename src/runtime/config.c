// Three passes: collect the text of every setting (file, then environment), replace NAME_FILE by what the
// file says, and make values of them row by row. A complaint is a line of text, and loading goes on, so that
// one run of `config check` names everything that is wrong.
#include "runtime/config.h"

#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "runtime/config_value.h"

#define PREFIX "SOKOUL_"
#define VALUE_MAX 8192
#define PROBLEMS_MAX_BYTES 65536

#define AT(field) offsetof(struct sok_config, field)
#define K(kind) SOK_CONFIG_##kind
#define COUNT_MAX 1e9

static const struct sok_config_row rows[] = {
    // name, default, meaning, secret, live, kind, field, limits
    {"SOKOUL_LISTEN", "127.0.0.1:3000", "addresses to serve on: addr:port or unix:PATH", 0, 0, K(LISTEN),
     AT(listen)},
    {"SOKOUL_METRICS_LISTEN", "", "addresses for /metrics of a process without the api role, or off", 0, 0,
     K(LISTEN_OR_OFF), AT(metrics_listen)},
    {"SOKOUL_METRICS_ALLOW", "", "networks that may read /metrics beside loopback", 0, 0, K(CIDRS),
     AT(metrics_allow)},
    {"SOKOUL_DATA_DIR", "./data", "database, keys, resume data, cache", 0, 0, K(FOLDER), AT(data_dir)},
    {"SOKOUL_ROLES", "api,scout,hunter,oracle,sentinel", "what this process runs", 0, 0, K(ROLES), AT(roles)},
    {"SOKOUL_DATABASE_URL", "sqlite:$DATA_DIR/sokoul.db", "sqlite:PATH or postgresql://…", 1, 0, K(DATABASE),
     AT(database_url)},
    {"SOKOUL_DATABASE_REPLICA_URLS", "", "postgresql://… read replicas", 1, 0, K(REPLICAS),
     AT(database_replica_urls)},
    {"SOKOUL_CACHE_URL", "memory:", "memory: or redis://…", 1, 0, K(CACHE), AT(cache_url)},
    {"SOKOUL_QUEUE_URL", "embedded:", "embedded: or nats://…", 1, 0, K(QUEUE), AT(queue_url)},
    {"SOKOUL_DB_POOL_MIN", "5", "database connections kept open", 0, 0, K(INT), AT(db_pool_min), 1, 1000},
    {"SOKOUL_DB_POOL_MAX", "20", "database connections at most", 0, 0, K(INT), AT(db_pool_max), 1, 1000},
    {"SOKOUL_DOWNLOAD_DIR", "$DATA_DIR/downloads", "where downloads grow", 0, 0, K(FOLDER), AT(download_dir)},
    {"SOKOUL_LIBRARY_DIRS", "$DATA_DIR/library", "library folders, ':'-separated; the first receives imports",
     0, 0, K(FOLDERS), AT(library_dirs)},
    {"SOKOUL_TMDB_API_KEY", "", "TMDB v3 key or v4 bearer token", 1, 0, K(KEY), AT(tmdb_api_key)},
    {"SOKOUL_TMDB_URL", "https://api.themoviedb.org/3", "TMDB's base URL", 0, 0, K(URL_OR_OFF), AT(tmdb_url)},
    {"SOKOUL_PROWLARR_URL", "", "a Prowlarr server", 0, 0, K(URL), AT(prowlarr_url)},
    {"SOKOUL_PROWLARR_API_KEY", "", "its API key", 1, 0, K(KEY), AT(prowlarr_api_key)},
    {"SOKOUL_JACKETT_URL", "", "a Jackett server", 0, 0, K(URL), AT(jackett_url)},
    {"SOKOUL_JACKETT_API_KEY", "", "its API key", 1, 0, K(KEY), AT(jackett_api_key)},
    {"SOKOUL_TORZNAB_URLS", "", "Torznab API URLs, space-separated, each with its apikey", 1, 0, K(URLS),
     AT(torznab_urls)},
    {"SOKOUL_ARCHIVE_ORG_URL", "https://archive.org", "the Internet Archive; off disables", 0, 0,
     K(URL_OR_OFF), AT(archive_org_url)},
    {"SOKOUL_TVMAZE_URL", "https://api.tvmaze.com", "TVmaze; off disables", 0, 0, K(URL_OR_OFF),
     AT(tvmaze_url)},
    {"SOKOUL_EMBEDDINGS_URL", "", "a server of OpenAI-shaped /v1/embeddings", 0, 0, K(URL),
     AT(embeddings_url)},
    {"SOKOUL_EMBEDDINGS_MODEL", "", "the model it is asked for", 0, 0, K(TEXT), AT(embeddings_model)},
    {"SOKOUL_TORRENT_LISTEN", "0.0.0.0:6881", "BitTorrent's addresses", 0, 0, K(ENDPOINTS),
     AT(torrent_listen)},
    {"SOKOUL_TORRENT_DHT", "on", "find peers by DHT", 0, 0, K(BOOL), AT(torrent_dht)},
    {"SOKOUL_TORRENT_LSD", "on", "find peers on the local network", 0, 0, K(BOOL), AT(torrent_lsd)},
    {"SOKOUL_TORRENT_UPNP", "on", "ask the router for an open port", 0, 0, K(BOOL), AT(torrent_upnp)},
    {"SOKOUL_TORRENT_MAX_ACTIVE", "10", "downloads at once; the rest queue", 0, 1, K(INT),
     AT(torrent_max_active), 1, 1000},
    {"SOKOUL_TORRENT_DOWN_KIB", "0", "download limit in KiB/s, 0: none", 0, 1, K(INT), AT(torrent_down_kib),
     0, COUNT_MAX},
    {"SOKOUL_TORRENT_UP_KIB", "0", "upload limit in KiB/s, 0: none", 0, 1, K(INT), AT(torrent_up_kib), 0,
     COUNT_MAX},
    {"SOKOUL_SEED_HOURS", "24", "seed this long after completion", 0, 1, K(REAL), AT(seed_hours), 0, 1e6},
    {"SOKOUL_SEED_RATIO", "0", "or up to this ratio, 0: no ratio", 0, 1, K(REAL), AT(seed_ratio), 0, 1e6},
    {"SOKOUL_RATE_API", "100/min", "requests per user, 0: off", 0, 1, K(RATE), AT(rate_api), 0, COUNT_MAX},
    {"SOKOUL_RATE_SEARCH", "30/min", "searches per user, 0: off", 0, 1, K(RATE), AT(rate_search), 0,
     COUNT_MAX},
    {"SOKOUL_RATE_AUTH", "5/min", "sign-in attempts per address and account, 0: off", 0, 1, K(RATE),
     AT(rate_auth), 0, COUNT_MAX},
    {"SOKOUL_RATE_IP", "1000/min", "requests per address, 0: off", 0, 1, K(RATE), AT(rate_ip), 0, COUNT_MAX},
    {"SOKOUL_MAX_DOWNLOADS_PER_USER", "5", "running downloads per user, 0: off", 0, 1, K(INT),
     AT(max_downloads_per_user), 0, COUNT_MAX},
    {"SOKOUL_MAX_WS_PER_IP", "100", "WebSockets per address, 0: off", 0, 1, K(INT), AT(max_ws_per_ip), 0,
     COUNT_MAX},
    {"SOKOUL_TRUSTED_PROXIES", "", "networks whose X-Forwarded-For counts", 0, 0, K(CIDRS),
     AT(trusted_proxies)},
    {"SOKOUL_ACCEL_PREFIX", "", "where nginx serves the library's files internally", 0, 0, K(PREFIX),
     AT(accel_prefix)},
    {"SOKOUL_ALLOW_HOSTS", "", "private host:ports that outgoing requests may reach", 0, 0, K(HOSTS),
     AT(allow_hosts)},
    {"SOKOUL_PUBLIC_URL", "", "the address users see", 0, 0, K(URL), AT(public_url)},
    {"SOKOUL_HOST_NAMES", "", "names browsers may reach the server by, beside local ones", 0, 0, K(NAMES),
     AT(host_names)},
    {"SOKOUL_SMTP_URL", "", "mail server, smtp:// or smtps://", 1, 0, K(SMTP), AT(smtp_url)},
    {"SOKOUL_SMTP_FROM", "", "sender of mails", 0, 0, K(MAILBOX), AT(smtp_from)},
    {"SOKOUL_SMTP_CA", "", "certificates (PEM) to trust for it in place of the system's", 0, 0,
     K(CERTIFICATES), AT(smtp_ca)},
    {"SOKOUL_CLAMD", "", "virus scanner: unix:PATH or tcp:HOST:PORT", 0, 0, K(CLAMD), AT(clamd)},
    {"SOKOUL_LOG_LEVEL", "info", "debug, info, warn or error", 0, 1, K(LOG_LEVEL), AT(log_level)},
    {"SOKOUL_LOG_FORMAT", "auto", "json, text, or auto: text on a terminal", 0, 1, K(LOG_FORMAT),
     AT(log_format)},
    {"SOKOUL_SENTINEL_SECONDS", "30", "how often the sentinel looks", 0, 1, K(INT), AT(sentinel_seconds), 1,
     3600},
    {"SOKOUL_ALERT_CPU_PERCENT", "95", "alert: processors this busy for four looks, 0: off", 0, 1, K(INT),
     AT(alert_cpu_percent), 0, 100},
    {"SOKOUL_ALERT_MEMORY_PERCENT", "95", "alert: memory this full, 0: off", 0, 1, K(INT),
     AT(alert_memory_percent), 0, 100},
    {"SOKOUL_ALERT_DISK_MIB", "1024", "alert: only so much room left on a disk, 0: off", 0, 1, K(INT),
     AT(alert_disk_mib), 0, COUNT_MAX},
    {"SOKOUL_ALERT_QUEUE_JOBS", "1000", "alert: so many jobs wait, 0: off", 0, 1, K(INT),
     AT(alert_queue_jobs), 0, COUNT_MAX},
    {"SOKOUL_ALERT_QUEUE_SECONDS", "300", "alert: a search waits this long for a worker, 0: off", 0, 1,
     K(INT), AT(alert_queue_seconds), 0, COUNT_MAX},
    {"SOKOUL_ALERT_DEAD_LETTERS", "10", "alert: so many jobs failed for good, 0: off", 0, 1, K(INT),
     AT(alert_dead_letters), 0, COUNT_MAX},
    {"SOKOUL_BCRYPT_COST", "12", "cost of password hashes", 0, 0, K(INT), AT(bcrypt_cost), 10, 15},
    {"SOKOUL_BACKUP_PASSPHRASE", "", "what backups are encrypted with", 1, 0, K(PASSPHRASE),
     AT(backup_passphrase)},
};
#define ROW_COUNT SOK_ARRAY_LEN(rows)

// Names that are the command line's and the tests', not settings of the server.
static const char *const other_names[] = {"SOKOUL_CONFIG", "SOKOUL_URL",   "SOKOUL_API_KEY", "SOKOUL_TOKEN",
                                          "SOKOUL_BIN",    "SOKOUL_PROBE", "SOKOUL_SRC"};

struct loading {
    struct sok_arena *arena;
    struct sok_buf problems;
    struct given {
        const char *text; // NULL: not given
        bool is_path;     // the NAME_FILE form
    } given[ROW_COUNT], file_given[ROW_COUNT];
    int line; // of the file being read
};

const struct sok_config_row *sok_config_rows(size_t *ret_count)
{
    *ret_count = ROW_COUNT;
    return rows;
}

// The row called `name` or, for a secret, `name` + "_FILE"; -1 when there is none.
static int find_row(const char *name, bool *ret_is_path)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        size_t len = strlen(rows[i].name);
        if (strncasecmp(rows[i].name, name, len) != 0)
            continue;
        *ret_is_path = rows[i].secret && strcasecmp(name + len, "_FILE") == 0;
        if (!name[len] || *ret_is_path)
            return (int)i;
    }
    return -1;
}

static void give(struct loading *loading, struct given *given, int row, bool is_path, const char *text)
{
    if (given[row].text && given[row].is_path != is_path)
        sok_buf_printf(
            &loading->problems, "%s: given both directly and as %s_FILE\n", rows[row].name, rows[row].name);
    given[row] = (struct given){sok_strdup(loading->arena, text), is_path};
}

static const char *unquote(struct sok_arena *arena, const char *value)
{
    size_t len = strlen(value);
    bool quoted = len >= 2 && value[0] == '"' && value[len - 1] == '"';
    return quoted ? sok_strndup(arena, value + 1, len - 2) : value;
}

static int take_ini(void *context, const char *section, const char *name, const char *value)
{
    struct loading *loading = context;
    const char *tries[] = {
        sok_format(loading->arena, PREFIX "%s_%s", section, name),
        sok_format(loading->arena, PREFIX "%s", name), name};
    for (size_t i = *section ? 0 : 1; i < SOK_ARRAY_LEN(tries); i++) {
        bool is_path;
        int row = find_row(tries[i], &is_path);
        if (row >= 0) {
            give(loading, loading->file_given, row, is_path, unquote(loading->arena, value));
            return 1;
        }
    }
    sok_buf_printf(
        &loading->problems, "%.80s: no such setting (line %d)\n", sok_utf8_clean_line(loading->arena, name),
        loading->line);
    return 1;
}

struct ini_source {
    FILE *file;
    struct loading *loading;
};

static char *read_line(char *line, int size, void *stream)
{
    struct ini_source *source = stream;
    if (!fgets(line, size, source->file))
        return NULL;
    source->loading->line++;
    size_t len = strlen(line);
    if (len == (size_t)size - 1 && line[len - 1] != '\n') {
        sok_buf_printf(
            &source->loading->problems, "line %d of the configuration file is over %d characters\n",
            source->loading->line, size - 2);
        return NULL;
    }
    return line;
}

static void read_file(struct loading *loading, const char *path, bool must_exist)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        if (must_exist || errno != ENOENT)
            sok_buf_printf(
                &loading->problems, "cannot read %.200s: %s\n", sok_utf8_clean_line(loading->arena, path),
                strerror(errno));
        return;
    }
    // Debian's libinih has its limits as variables; a Torznab URL is easily longer than the 200 it starts
    // with.
    ini_max_line = VALUE_MAX;
    ini_initial_alloc = VALUE_MAX;
    ini_use_stack = false;
    ini_allow_multiline = false;
    struct ini_source source = {file, loading};
    int bad_line = ini_parse_stream(read_line, &source, take_ini, loading);
    if (ferror(file))
        sok_buf_printf(
            &loading->problems, "cannot read %.200s: it is no file, or its disk fails\n",
            sok_utf8_clean_line(loading->arena, path));
    else if (bad_line)
        sok_buf_printf(
            &loading->problems, "line %d of %.200s is not `name = value`\n", bad_line,
            sok_utf8_clean_line(loading->arena, path));
    fclose(file);
}

static const char *find_environment(char *const *environment, const char *name)
{
    size_t len = strlen(name);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
            return *environment + len + 1;
    return NULL;
}

static void read_environment(struct loading *loading, char *const *environment)
{
    for (; environment && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (!equals || !sok_text_starts(*environment, PREFIX))
            continue;
        const char *name = sok_strndup(loading->arena, *environment, (size_t)(equals - *environment));
        bool is_path, is_other = false;
        for (size_t i = 0; i < SOK_ARRAY_LEN(other_names); i++)
            is_other |= strcmp(other_names[i], name) == 0;
        int row = is_other ? -1 : find_row(name, &is_path);
        if (row >= 0)
            give(loading, loading->given, row, is_path, equals + 1);
        else if (!is_other)
            sok_buf_printf(
                &loading->problems, "%.80s: no such setting\n", sok_utf8_clean_line(loading->arena, name));
    }
}

// The first line of a secret's file.
static const char *read_secret(struct loading *loading, const struct sok_config_row *row, const char *path)
{
    char line[VALUE_MAX];
    FILE *file = fopen(path, "re");
    if (!file || !fgets(line, sizeof(line), file)) {
        sok_buf_printf(
            &loading->problems, "%s_FILE: cannot read %.200s: %s\n", row->name,
            sok_utf8_clean_line(loading->arena, path),
            file && !ferror(file) ? "it is empty" : strerror(errno));
        if (file)
            fclose(file);
        return NULL;
    }
    fclose(file);
    line[strcspn(line, "\r\n")] = 0;
    const char *copy = sok_strdup(loading->arena, line);
    sok_wipe(line, sizeof(line));
    return copy;
}

static const char *expand(struct sok_arena *arena, const char *text, const char *data_dir)
{
    static const char name[] = "$DATA_DIR";
    const char *at = strstr(text, name);
    if (!at || !data_dir)
        return text;
    return sok_format(arena, "%.*s%s%s", (int)(at - text), text, data_dir, at + sizeof(name) - 1);
}

static void set_row(struct loading *loading, size_t row, struct sok_config *config)
{
    struct given given = loading->given[row].text ? loading->given[row] : loading->file_given[row];
    const char *text =
        given.text && given.is_path ? read_secret(loading, &rows[row], given.text) : given.text;
    if (!text || !*text)
        text = rows[row].fallback;
    if (strlen(text) >= VALUE_MAX || !sok_utf8_valid(text, strlen(text))) {
        sok_buf_printf(
            &loading->problems, "%s: expected UTF-8 text of less than %d bytes\n", rows[row].name, VALUE_MAX);
        return;
    }
    text = sok_text_trim(loading->arena, expand(loading->arena, text, config->data_dir));
    if (!*text)
        return;
    const char *wrong = sok_config_value_parse(loading->arena, &rows[row], text, config);
    if (wrong)
        sok_buf_printf(&loading->problems, "%s: %s\n", rows[row].name, wrong);
}

// What no single setting shows.
static void check_together(struct loading *loading, const struct sok_config *config)
{
    if (config->db_pool_max && config->db_pool_min > config->db_pool_max)
        sok_buf_puts(&loading->problems, "SOKOUL_DB_POOL_MIN: is more than SOKOUL_DB_POOL_MAX\n");
    if (config->prowlarr_url && !config->prowlarr_api_key)
        sok_buf_puts(&loading->problems, "SOKOUL_PROWLARR_API_KEY: is needed with SOKOUL_PROWLARR_URL\n");
    if (config->jackett_url && !config->jackett_api_key)
        sok_buf_puts(&loading->problems, "SOKOUL_JACKETT_API_KEY: is needed with SOKOUL_JACKETT_URL\n");
    bool sqlite = config->database_url && sok_text_starts(config->database_url, "sqlite:");
    if (sqlite && config->database_replica_urls)
        sok_buf_puts(
            &loading->problems, "SOKOUL_DATABASE_REPLICA_URLS: needs postgresql:// as SOKOUL_DATABASE_URL\n");
}

// "postgres://" is libpq's other word for it; the program knows one.
static const char *spell_out(struct sok_arena *arena, const char *urls)
{
    static const char other[] = "postgres://";
    const char *at = urls ? strstr(urls, other) : NULL;
    if (!at || (at > urls && at[-1] != ',' && at[-1] != ' '))
        return urls;
    const char *rest = spell_out(arena, at + strlen(other));
    return sok_format(arena, "%.*spostgresql://%s", (int)(at - urls), urls, rest);
}

enum sok_status sok_config_load(
    struct sok_arena *arena, const char *file, char *const *environment, struct sok_config *ret,
    const char **ret_problems, struct sok_error *err)
{
    struct loading *loading = sok_alloc(arena, sizeof(*loading));
    loading->arena = arena;
    sok_buf_init(&loading->problems, PROBLEMS_MAX_BYTES);
    const char *named = file ? file : find_environment(environment, "SOKOUL_CONFIG");
    read_file(loading, named ? named : "sokoul.conf", named != NULL);
    read_environment(loading, environment);
    struct sok_config config = {0};
    bool is_path;
    size_t data_dir = (size_t)find_row("SOKOUL_DATA_DIR", &is_path);
    set_row(loading, data_dir, &config);
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (i != data_dir)
            set_row(loading, i, &config);
    config.database_url = spell_out(arena, config.database_url);
    config.database_replica_urls = spell_out(arena, config.database_replica_urls);
    check_together(loading, &config);
    *ret_problems = loading->problems.len ? sok_strdup(arena, loading->problems.data) : "";
    sok_buf_done(&loading->problems);
    if (**ret_problems)
        return sok_fail(
            err, SOK_INVALID, "wrong configuration: %.*s", (int)strcspn(*ret_problems, "\n"), *ret_problems);
    *ret = config;
    return SOK_OK;
}

bool sok_config_same(
    const struct sok_config_row *row, const struct sok_config *before, const struct sok_config *after)
{
    const void *a = (const char *)before + row->offset, *b = (const char *)after + row->offset;
    switch (row->kind) {
    case K(INT):
    case K(RATE):
        return *(const int64_t *)a == *(const int64_t *)b;
    case K(REAL):
        return fabs(*(const double *)a - *(const double *)b) < 1e-12;
    case K(BOOL):
        return *(const bool *)a == *(const bool *)b;
    case K(ROLES):
        return *(const unsigned *)a == *(const unsigned *)b;
    case K(LOG_LEVEL):
        return *(const enum sok_log_level *)a == *(const enum sok_log_level *)b;
    case K(LOG_FORMAT):
        return *(const enum sok_log_format *)a == *(const enum sok_log_format *)b;
    default:
        return sok_text_eq(*(const char *const *)a, *(const char *const *)b);
    }
}

const char *sok_config_changes(
    struct sok_arena *arena, const struct sok_config *before, const struct sok_config *after, bool live)
{
    const char *names = "";
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].live == live && !sok_config_same(&rows[i], before, after))
            names = sok_format(arena, "%s%s%s", names, *names ? ", " : "", rows[i].name);
    return names;
}

void sok_config_apply_live(struct sok_config *config, const struct sok_config *from)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!rows[i].live)
            continue;
        void *to = (char *)config + rows[i].offset;
        const void *value = (const char *)from + rows[i].offset;
        if (rows[i].kind == K(INT) || rows[i].kind == K(RATE))
            atomic_store((_Atomic int64_t *)to, *(const int64_t *)value);
        else if (rows[i].kind == K(REAL))
            atomic_store((_Atomic double *)to, *(const double *)value);
        else if (rows[i].kind == K(LOG_LEVEL))
            atomic_store((_Atomic enum sok_log_level *)to, *(const enum sok_log_level *)value);
        else if (rows[i].kind == K(LOG_FORMAT))
            atomic_store((_Atomic enum sok_log_format *)to, *(const enum sok_log_format *)value);
    }
}
