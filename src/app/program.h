// The running program's parts, opened in the order they need each other and closed the other way round.
#ifndef SOK_APP_PROGRAM_H
#define SOK_APP_PROGRAM_H

#include "api/api.h"
#include "base/arena.h"
#include "base/rand.h"
#include "base/status.h"
#include "workers/env.h"

// One per process; everything but the arena and the two views is owned. A part that the roles do not need is
// NULL.
struct sok_program {
    struct sok_arena *arena; // as long as the program: configuration and names
    struct sok_config config;
    int lock_fd; // of $DATA_DIR/sokoul.lock: alone while the queue is embedded, else shared
    char owner[SOK_UUID_LEN + 1];

    struct sok_metrics *metrics;
    struct sok_db *db;
    struct sok_cache *cache;
    struct sok_queue *queue;
    struct sok_overrides *overrides;
    struct sok_http_client *http;
    struct sok_auth *auth;
    struct sok_providers *providers;
    struct sok_torrents *torrents;
    struct sok_play_client *play_client; // with the role api, in a cluster
    struct sok_play_server *play_server; // with the role hunter, in a cluster
    struct sok_library *library;
    struct sok_streaming *streaming;
    struct sok_uploads *uploads;
    struct sok_ip_gate *ip_gate;
    struct sok_hub *hub;
    struct sok_reset_mail *reset_mail;
    struct sok_login_watch *login_watch;

    struct sok_api api;        // what handlers see of it
    struct sok_worker_env env; // what workers see of it
};

// Opens everything for the roles in program->config (loaded already). On failure what was opened is closed
// again. Blocks.
SOK_MUST_CHECK enum sok_status sok_program_open(struct sok_program *program, struct sok_error *err);

// Closes in reverse order; a program that was never opened is fine. Servers and workers must have stopped.
void sok_program_close(struct sok_program *program);

#endif
