// Every setting of the program, from sokoul.conf (INI) and the environment (which wins), through one table in
// config.c.
#ifndef SOK_RUNTIME_CONFIG_H
#define SOK_RUNTIME_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "runtime/log.h"

// The names of the roles in the order of their bits, NULL-terminated.
extern const char *const sok_role_names[];

enum sok_role { // bits of sok_config.roles
    SOK_ROLE_API = 1,
    SOK_ROLE_SCOUT = 2,
    SOK_ROLE_HUNTER = 4,
    SOK_ROLE_ORACLE = 8,
    SOK_ROLE_SENTINEL = 16
};

// Read-only once loaded, but for the atomic fields, which SIGHUP may change (sok_config_apply_live); text
// lives in the arena given to sok_config_load. A setting not given and without default is NULL or 0. Names
// follow the variables of docs/guide/configuration.md: SOKOUL_RATE_API is rate_api.
struct sok_config {
    const char *listen;         // comma-separated addr:port or unix:PATH
    const char *metrics_listen; // the same, or "off"; NULL: the usual one
    const char *metrics_allow;  // CIDRs, comma-separated
    const char *data_dir;
    unsigned roles;
    const char *database_url, *database_replica_urls;
    const char *cache_url, *queue_url;
    int64_t db_pool_min, db_pool_max;
    const char *download_dir;
    const char *library_dirs; // ':'-separated; the first one receives imports
    const char *tmdb_api_key, *tmdb_url;
    const char *prowlarr_url, *prowlarr_api_key;
    const char *jackett_url, *jackett_api_key;
    const char *torznab_urls;                 // space-separated
    const char *archive_org_url, *tvmaze_url; // "off" disables
    const char *embeddings_url, *embeddings_model;
    const char *torrent_listen;
    bool torrent_dht, torrent_lsd, torrent_upnp;
    _Atomic int64_t torrent_max_active, torrent_down_kib, torrent_up_kib; // KiB/s, 0: no limit
    _Atomic double seed_hours, seed_ratio;
    _Atomic int64_t rate_api, rate_search, rate_auth, rate_ip; // per minute, 0: off
    _Atomic int64_t max_downloads_per_user, max_ws_per_ip;
    const char *trusted_proxies, *allow_hosts;
    const char *accel_prefix; // "/x/": where nginx has the library's folders; NULL: films go out from here
    const char *public_url, *host_names;
    const char *smtp_url, *smtp_from, *smtp_ca;
    const char *clamd;
    _Atomic enum sok_log_level log_level;
    _Atomic enum sok_log_format log_format;
    _Atomic int64_t sentinel_seconds;
    _Atomic int64_t alert_cpu_percent, alert_memory_percent, alert_disk_mib; // 0: no such alert
    _Atomic int64_t alert_queue_jobs, alert_queue_seconds, alert_dead_letters;
    int64_t bcrypt_cost;
    const char *backup_passphrase;
};

// Reads `file` (NULL: SOKOUL_CONFIG, or ./sokoul.conf if it is there) and then `environment` (as environ;
// NULL: none), which wins. In the file a setting is called `SOKOUL_TORRENT_DHT`, `torrent_dht`, or `dht` in
// the section `[torrent]`; other sections are only headings. `$DATA_DIR` in a value stands for
// SOKOUL_DATA_DIR. Every wrong or unknown setting is named in `problems` (one line each, NUL-terminated text
// in the arena, "" when none); SOK_INVALID when there is one. SOKOUL_* names that are not in the table are
// wrong settings too. Secrets may be given as NAME_FILE, a path whose first line counts. Blocks on file
// reads; one thread at a time.
SOK_MUST_CHECK enum sok_status sok_config_load(
    struct sok_arena *arena, const char *file, char *const *environment, struct sok_config *ret,
    const char **ret_problems, struct sok_error *err);

// How a setting's text is read and checked; each value names the parser in config_value.c.
enum sok_config_kind {
    SOK_CONFIG_TEXT,         // one line
    SOK_CONFIG_KEY,          // of an API
    SOK_CONFIG_PASSPHRASE,   // of at least 8 bytes
    SOK_CONFIG_MAILBOX,      // "a@example.org" or "Name <a@example.org>"
    SOK_CONFIG_FOLDER,       // there, or to be made
    SOK_CONFIG_FOLDERS,      // ':'-separated
    SOK_CONFIG_CERTIFICATES, // a file of them (PEM)
    SOK_CONFIG_INT,
    SOK_CONFIG_RATE, // "100" or "100/min"
    SOK_CONFIG_REAL,
    SOK_CONFIG_BOOL,   // on/off, true/false, yes/no, 1/0
    SOK_CONFIG_ROLES,  // comma-separated
    SOK_CONFIG_LISTEN, // comma-separated addr:port or unix:PATH
    SOK_CONFIG_LISTEN_OR_OFF,
    SOK_CONFIG_ENDPOINTS, // comma-separated addr:port
    SOK_CONFIG_HOSTS,     // comma-separated host:port
    SOK_CONFIG_NAMES,     // comma-separated host names, *.NAME or *
    SOK_CONFIG_CIDRS,     // comma-separated
    SOK_CONFIG_URL,       // http(s)
    SOK_CONFIG_URL_OR_OFF,
    SOK_CONFIG_URLS, // space-separated http(s)
    SOK_CONFIG_DATABASE,
    SOK_CONFIG_REPLICAS, // comma-separated postgresql://
    SOK_CONFIG_CACHE,
    SOK_CONFIG_QUEUE,
    SOK_CONFIG_SMTP,
    SOK_CONFIG_CLAMD,
    SOK_CONFIG_PREFIX,
    SOK_CONFIG_LOG_LEVEL,
    SOK_CONFIG_LOG_FORMAT
};

// The words that a kind takes ("debug", "info", ...), NULL-terminated; NULL: it takes others than words.
const char *const *sok_config_words(enum sok_config_kind kind);

// The rows of the table, for `config check`, the documentation test and --help.
struct sok_config_row {
    const char *name;     // "SOKOUL_LISTEN"
    const char *fallback; // as written in the documentation; "" for none
    const char *help;
    bool secret; // never shown; NAME_FILE is accepted
    bool live;   // SIGHUP applies it
    enum sok_config_kind kind;
    size_t offset;   // of its field in struct sok_config
    double min, max; // of numbers
};
const struct sok_config_row *sok_config_rows(size_t *ret_count);

// The comma-separated names of the settings that differ and are (`live`) or are not applied by SIGHUP, in the
// arena; "" when none. For reloading: load again, take over the live ones, say which others need a restart.
const char *sok_config_changes(
    struct sok_arena *arena, const struct sok_config *before, const struct sok_config *after, bool live);

// Takes over the settings that SIGHUP may change from `from`; handing them to what keeps a copy of its own
// (sok_log_set, ...) is the caller's. Any thread may read meanwhile.
void sok_config_apply_live(struct sok_config *config, const struct sok_config *from);

// The word that a setting of words is set to; NULL for other kinds.
const char *sok_config_word(const struct sok_config_row *row, const struct sok_config *config);

// The same setting in both?
bool sok_config_same(
    const struct sok_config_row *row, const struct sok_config *before, const struct sok_config *after);

#endif
