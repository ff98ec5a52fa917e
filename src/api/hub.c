// Locks, outermost first: `hub->lock` (the list of clients, the kept events; held while an event goes out and
// while a client comes in, so that it misses nothing and gets nothing twice), net/websocket's own (it calls
// `wants` under it), a client's `lock` (its subscriptions). net/websocket calls on_message and on_close
// without any.
//
// A client is in the list from the moment its request is accepted, before its socket is there: a session that
// ends in between is remembered in it.
#include "api/hub.h"
#include "api/cancelled.h"
#include "api/middleware/ip_gate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/text.h"
#include "base/time.h"
#include "net/websocket.h"
#include "runtime/log.h"
#include "services/auth/sessions.h"

#define KEPT_EVENTS 1024
#define KEPT_BYTES ((size_t)8 << 20)
#define REPLAY_MS (15 * 60 * 1000) // what was said before the start, as far back as that
#define SUBSCRIPTIONS_MAX 64
#define MESSAGE_MAX 65536

struct hub_client {
    struct hub_client *prev, *next;
    struct sok_hub *hub;
    uint64_t socket; // 0: not there yet
    char *user_id, *ip, *last_id;
    char *session_id; // or the API key's id
    bool is_key;
    int role;
    int end_code; // the session ended before the socket came
    pthread_mutex_t lock;
    bool everything; // no subscription said: all of one's own
    int subscription_count;
    char *subscriptions[SUBSCRIPTIONS_MAX];
};

struct kept_event {
    char id[SOK_UUID_LEN + 1];
    char *user_id, *subject, *search_id;
    struct sok_ws_message *message;
    size_t bytes;
};

struct sok_hub {
    struct sok_hub_options options;
    _Atomic int64_t max_per_ip;
    struct sok_ws *ws;
    pthread_mutex_t lock;
    struct hub_client *clients;
    struct kept_event kept[KEPT_EVENTS]; // a ring
    int kept_first, kept_count;
    size_t kept_bytes;
    struct sok_cancelled cancelled;
};

static char *copy_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        sok_panic("out of memory");
    return copy;
}

// --- Clients

static void free_client(struct hub_client *client)
{
    free(client->user_id);
    free(client->session_id);
    free(client->ip);
    free(client->last_id);
    for (int i = 0; i < client->subscription_count; i++)
        free(client->subscriptions[i]);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

static void remove_client(struct sok_hub *hub, struct hub_client *client)
{
    pthread_mutex_lock(&hub->lock);
    DL_DELETE(hub->clients, client);
    pthread_mutex_unlock(&hub->lock);
    free_client(client);
    sok_metric_set(hub->options.metrics, SOK_METRIC_WS_CLIENTS, sok_ws_count(hub->ws), 0, 0);
}

static bool add_client(struct sok_hub *hub, struct hub_client *client)
{
    int64_t same_ip = 0, max = hub->max_per_ip;
    pthread_mutex_lock(&hub->lock);
    for (struct hub_client *at = hub->clients; at && max; at = at->next)
        same_ip += strcmp(at->ip, client->ip) == 0;
    bool fits = !max || same_ip < max;
    if (fits)
        DL_APPEND(hub->clients, client);
    pthread_mutex_unlock(&hub->lock);
    return fits;
}

// --- Events

struct event_view {
    const char *subject, *user_id, *search_id;
};

static bool is_subscribed(struct hub_client *client, const struct event_view *event)
{
    bool found = false;
    pthread_mutex_lock(&client->lock);
    for (int i = 0; i < client->subscription_count && !found; i++) {
        const char *name = client->subscriptions[i];
        if (sok_text_starts(name, "search:"))
            found = sok_text_starts(event->subject, "search.") && sok_text_eq(name + 7, event->search_id);
        else if (strcmp(name, "downloads") == 0)
            found = sok_text_starts(event->subject, "download.");
        else if (strcmp(name, "tasks") == 0)
            found = sok_text_starts(event->subject, "task.");
        else if (strcmp(name, "library") == 0)
            found = sok_text_starts(event->subject, "library.");
        else if (strcmp(name, "alerts") == 0)
            found = strcmp(event->subject, "alert") == 0;
        else
            found = strcmp(name, "all") == 0;
    }
    found = found || client->everything;
    pthread_mutex_unlock(&client->lock);
    return found;
}

static bool concerns(const void *context, void *user)
{
    const struct event_view *event = context;
    struct hub_client *client = user;
    bool staff = client->role == SOK_USER_MODERATOR || client->role == SOK_USER_ADMIN;
    if (strcmp(event->subject, "alert") == 0) {
        if (!staff)
            return false;
    } else if (!sok_text_empty(event->user_id)) {
        if (!sok_text_eq(client->user_id, event->user_id))
            return false;
    } else if (!sok_text_starts(event->subject, "library.") && !staff) {
        return false;
    }
    return is_subscribed(client, event);
}

static struct kept_event *kept_event(struct sok_hub *hub, int i)
{
    return &hub->kept[(hub->kept_first + i) % KEPT_EVENTS];
}

// With hub->lock held.
static bool is_kept(struct sok_hub *hub, const char *id)
{
    for (int i = hub->kept_count - 1; i >= 0; i--)
        if (strcmp(kept_event(hub, i)->id, id) == 0)
            return true;
    return false;
}

static void drop_oldest(struct sok_hub *hub)
{
    struct kept_event *event = &hub->kept[hub->kept_first];
    hub->kept_bytes -= event->bytes;
    free(event->user_id);
    free(event->subject);
    free(event->search_id);
    sok_ws_message_drop(event->message);
    memset(event, 0, sizeof(*event));
    hub->kept_first = (hub->kept_first + 1) % KEPT_EVENTS;
    hub->kept_count--;
}

// With hub->lock held.
static void keep(
    struct sok_hub *hub, const char *id, const struct event_view *view, struct sok_ws_message *message,
    size_t bytes)
{
    while (hub->kept_count == KEPT_EVENTS || (hub->kept_count && hub->kept_bytes + bytes > KEPT_BYTES))
        drop_oldest(hub);
    struct kept_event *event = &hub->kept[(hub->kept_first + hub->kept_count++) % KEPT_EVENTS];
    snprintf(event->id, sizeof(event->id), "%s", id);
    event->user_id = copy_text(view->user_id);
    event->subject = copy_text(view->subject);
    event->search_id = copy_text(view->search_id);
    event->message = sok_ws_message_hold(message);
    event->bytes = bytes;
    hub->kept_bytes += bytes;
}

static const char *make_text(
    struct sok_hub *hub, struct sok_arena *arena, const char *id, const char *type, const char *data)
{
    char at[SOK_TIME_TEXT];
    int64_t now_ms = sok_clock_now_ms(hub->options.clock);
    sok_time_format(now_ms, at);
    return sok_format(arena, "{\"type\":\"%s\",\"id\":\"%s\",\"at\":\"%s\",\"data\":%s}", type, id, at, data);
}

static bool is_session(const void *context, void *user)
{
    return sok_text_eq(((struct hub_client *)user)->session_id, context);
}

struct user_view {
    const char *user_id, *keep_session_id;
    bool but_keys; // the user's sessions ended, the keys go on
};

static bool is_user(const void *context, void *user)
{
    const struct user_view *view = context;
    const struct hub_client *client = user;
    return sok_text_eq(client->user_id, view->user_id) &&
           !(view->keep_session_id && sok_text_eq(client->session_id, view->keep_session_id)) &&
           !(view->but_keys && client->is_key);
}

// Ends those that have a socket and marks those that will get one.
static void end_clients(
    struct sok_hub *hub, int code, const char *reason, sok_ws_wants wants, const void *context)
{
    pthread_mutex_lock(&hub->lock);
    for (struct hub_client *at = hub->clients; at; at = at->next)
        if (!at->socket && wants(context, at))
            at->end_code = code;
    pthread_mutex_unlock(&hub->lock);
    sok_ws_close(hub->ws, code, reason, wants, context);
}

static bool is_kept_out(const void *context, void *user)
{
    const struct sok_hub *hub = context;
    const struct hub_client *client = user;
    struct sok_address address;
    return client->ip && sok_address_parse(client->ip, &address) &&
           sok_ip_gate_peek(hub->options.ip_gate, &address) == SOK_ADDRESS_BLACKLISTED;
}

// Late, it may be about sockets that came after it: whoever still may come in comes back.
static void take_invalidation(struct sok_hub *hub, const char *subject, const json_t *data, bool is_late)
{
    const char *session_id = sok_json_text(data, "session_id", NULL);
    bool is_session_event = strcmp(subject, "invalidate.session") == 0;
    struct user_view view = {
        .user_id = sok_json_text(data, "user_id", NULL),
        .keep_session_id = sok_json_text(data, "keep", NULL),
        .but_keys = is_session_event && !sok_json_bool(data, "keys", false)};
    if (is_session_event && session_id)
        sok_hub_close_session(hub, session_id);
    else if (is_session_event && view.user_id && !is_late)
        end_clients(hub, SOK_WS_SESSION_ENDED, "session ended", is_user, &view);
    else if (is_session_event && view.user_id)
        end_clients(hub, SOK_WS_RECONNECT, "connect again", is_user, &view);
    else if (strcmp(subject, "invalidate.user") == 0 && view.user_id)
        // What the user may see can have changed: whoever still may come in comes back at once.
        end_clients(hub, SOK_WS_RECONNECT, "connect again", is_user, &view);
    else if (strcmp(subject, "invalidate.ip_rules") == 0) {
        sok_ip_gate_refresh(hub->options.ip_gate);
        end_clients(hub, SOK_WS_POLICY, "address blocked", is_kept_out, hub);
    }
}

static void on_event(const struct sok_event *event, void *context)
{
    struct sok_hub *hub = context;
    bool invalidation = sok_text_starts(event->subject, "invalidate.");
    bool is_progress = strcmp(event->subject, "download.progress") == 0;
    pthread_mutex_lock(&hub->lock);
    bool is_outdated = sok_cancelled_contradicts(&hub->cancelled, event);
    pthread_mutex_unlock(&hub->lock);
    if (is_outdated || sok_text_starts(event->subject, "command.") ||
        (is_progress && (event->is_late || sok_ws_count(hub->ws) == 0)))
        return;
    SOK_JSON_AUTO *data = NULL;
    bool needs_data = invalidation || sok_text_starts(event->subject, "search.");
    if (needs_data &&
        sok_json_parse_lenient(event->json, strlen(event->json), (size_t)256 << 10, &data, NULL) != SOK_OK)
        return;
    if (invalidation) {
        take_invalidation(hub, event->subject, data, event->is_late);
        return;
    }
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *text = make_text(hub, arena, event->id, event->subject, event->json);
    size_t len = strlen(text);
    struct event_view view = {
        event->subject, event->user_id, data ? sok_json_text(data, "search_id", NULL) : NULL};
    struct sok_ws_message *message = sok_ws_message_new(text, len);
    pthread_mutex_lock(&hub->lock); // who comes in now gets it once: as missed, or live
    if (!hub->options.is_one_of_many || !is_kept(hub, event->id)) { // late, and then in time
        if (!is_progress)
            keep(hub, event->id, &view, message, len);
        sok_ws_broadcast(hub->ws, message, concerns, &view);
    }
    pthread_mutex_unlock(&hub->lock);
    sok_ws_message_drop(message);
}

// --- What clients say

static void answer(struct sok_hub *hub, uint64_t socket, const char *type, json_t *data_taken)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char id[SOK_UUID_LEN + 1];
    sok_uuid7(sok_clock_now_ms(hub->options.clock), id);
    const char *text = make_text(hub, arena, id, type, sok_json_dump(arena, data_taken));
    struct sok_ws_message *message = sok_ws_message_new(text, strlen(text));
    sok_ws_send(hub->ws, socket, message);
    sok_ws_message_drop(message);
    json_decref(data_taken);
}

static void refuse(struct sok_hub *hub, uint64_t socket, const char *code, const char *detail)
{
    json_t *data = json_object();
    sok_json_set_text(data, "code", code);
    sok_json_set_text(data, "detail", detail);
    answer(hub, socket, "error", data);
}

static bool is_subscription(const char *name)
{
    static const char *const names[] = {"all", "downloads", "tasks", "library", "alerts"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++)
        if (sok_text_eq(names[i], name))
            return true;
    return name && sok_text_starts(name, "search:") && sok_text_is_uuid(name + strlen("search:"));
}

static void subscribe(struct sok_hub *hub, struct hub_client *client, uint64_t socket, json_t *list)
{
    size_t count = json_array_size(list);
    bool fine = json_is_array(list) && count <= SUBSCRIPTIONS_MAX;
    for (size_t i = 0; i < count && fine; i++)
        fine = is_subscription(json_string_value(json_array_get(list, i)));
    if (!fine) {
        refuse(
            hub, socket, "invalid_subscription",
            "subscribe takes up to 64 of: all, downloads, search:<id>, tasks, library, alerts");
        return;
    }
    pthread_mutex_lock(&client->lock);
    for (int i = 0; i < client->subscription_count; i++)
        free(client->subscriptions[i]);
    for (size_t i = 0; i < count; i++)
        client->subscriptions[i] = copy_text(json_string_value(json_array_get(list, i)));
    client->subscription_count = (int)count;
    client->everything = false;
    pthread_mutex_unlock(&client->lock);
    json_t *data = json_object();
    json_object_set(data, "subscribe", list);
    answer(hub, socket, "subscribed", data);
}

static void on_message(void *context, uint64_t socket, void *user, const char *text, size_t len)
{
    struct sok_hub *hub = context;
    SOK_JSON_AUTO *message = NULL;
    json_t *list = NULL;
    if (sok_json_parse(text, len, MESSAGE_MAX, &message, NULL) == SOK_OK)
        list = json_object_get(message, "subscribe");
    if (list)
        subscribe(hub, user, socket, list);
    else
        refuse(hub, socket, "not_understood", "expected {\"subscribe\":[…]}");
}

static void on_close(void *context, uint64_t socket, void *user)
{
    remove_client(context, user);
}

// --- Coming in

// The beginning of the ids of SOK_WS_OVERLAP_MS before this one.
static void id_before(const char *id, char ret[SOK_UUID_LEN + 1])
{
    unsigned long long high = 0, low = 0;
    snprintf(ret, SOK_UUID_LEN + 1, "%s", id);
    if (sscanf(id, "%8llx-%4llx", &high, &low) != 2)
        return;
    unsigned long long ms = high << 16 | low;
    ms = ms > SOK_WS_OVERLAP_MS ? ms - SOK_WS_OVERLAP_MS : 0;
    snprintf(ret, SOK_UUID_LEN + 1, "%08llx-%04llx", ms >> 16 & 0xffffffff, ms & 0xffff);
}

// Whether the client may not have had this one. is_after: its last one stands before it in the list.
// Alone, a process sent them in the order of its list. Another one had them in an order of its own, which
// differs by as much as they take on the way, and the list has what came late behind what came in time.
static bool is_missed(
    const struct sok_hub *hub, const struct kept_event *event, const char *since, bool has_last,
    bool is_after)
{
    return hub->options.is_one_of_many || !has_last ? strcmp(event->id, since) > 0 : is_after;
}

// With hub->lock held.
static void send_missed(struct sok_hub *hub, struct hub_client *client)
{
    char since[SOK_UUID_LEN + 1];
    bool has_last = is_kept(hub, client->last_id), is_after = false;
    snprintf(since, sizeof(since), "%s", client->last_id);
    if (hub->options.is_one_of_many)
        id_before(client->last_id, since);
    for (int i = 0; i < hub->kept_count; i++) {
        struct kept_event *event = kept_event(hub, i);
        struct event_view view = {event->subject, event->user_id, event->search_id};
        bool is_last = strcmp(event->id, client->last_id) == 0;
        if (!is_last && is_missed(hub, event, since, has_last, is_after) && concerns(&view, client))
            sok_ws_send(hub->ws, client->socket, event->message);
        is_after = is_after || is_last;
    }
}

static void take_socket(void *context, int fd, const char *early, size_t early_len)
{
    struct hub_client *client = context;
    struct sok_hub *hub = client->hub;
    if (fd < 0) {
        remove_client(hub, client);
        return;
    }
    pthread_mutex_lock(&hub->lock);
    int end_code = client->end_code;
    uint64_t socket = sok_ws_add(hub->ws, fd, early, early_len, client);
    if (socket) {
        client->socket = socket;
        if (client->last_id)
            send_missed(hub, client);
    }
    pthread_mutex_unlock(&hub->lock);
    if (!socket) {
        remove_client(hub, client);
        return;
    }
    if (end_code)
        sok_ws_close_one(hub->ws, socket, end_code, "session ended");
    sok_metric_add(hub->options.metrics, SOK_METRIC_WS_CONNECTIONS, 1, 0, 0, 0);
    sok_metric_set(hub->options.metrics, SOK_METRIC_WS_CLIENTS, sok_ws_count(hub->ws), 0, 0);
}

enum sok_status sok_hub_accept(
    struct sok_hub *hub, struct sok_request *request, const struct sok_principal *principal,
    struct sok_error *err)
{
    struct hub_client *client = calloc(1, sizeof(*client));
    if (!client)
        sok_panic("out of memory for a WebSocket");
    const char *last_id = sok_request_query(request, "last_id");
    client->hub = hub;
    client->user_id = copy_text(principal->user_id);
    client->session_id = copy_text(sok_principal_login_id(principal));
    client->is_key = principal->api_key_id != NULL;
    client->ip = copy_text(request->client_ip);
    client->last_id = copy_text(last_id && strlen(last_id) == SOK_UUID_LEN ? last_id : NULL);
    client->role = (int)principal->role;
    client->everything = true;
    pthread_mutex_init(&client->lock, NULL);
    if (!add_client(hub, client)) {
        free_client(client);
        (void)sok_fail(err, SOK_LIMITED, "this address has too many WebSockets open");
        sok_metric_add(hub->options.metrics, SOK_METRIC_API_LIMITED, 1, SOK_LIMIT_WEBSOCKETS, 0, 0);
        err->retry_after_s = 10;
        return SOK_LIMITED;
    }
    enum sok_status status = SOK_OK;
    if (is_kept_out(hub, client)) // since the request was let in
        status = sok_fail(err, SOK_DENIED, "this address is not let in");
    if (status == SOK_OK)
        status = sok_reply_upgrade(request, take_socket, client, err);
    if (status != SOK_OK)
        remove_client(hub, client);
    return status;
}

void sok_hub_close_session(struct sok_hub *hub, const char *session_id)
{
    end_clients(hub, SOK_WS_SESSION_ENDED, "session ended", is_session, session_id);
}

struct asked {
    const char *login_id;
    int role;
};

static bool is_asked(const void *context, void *user)
{
    const struct asked *asked = context;
    const struct hub_client *client = user;
    return client->role == asked->role && sok_text_eq(client->session_id, asked->login_id);
}

void sok_hub_review(struct sok_hub *hub, const char *user_id, sok_hub_judge judge, void *context)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    size_t count = 0, all = 0;
    pthread_mutex_lock(&hub->lock);
    for (struct hub_client *at = hub->clients; at; at = at->next)
        all++;
    struct asked *asked = sok_alloc(arena, (all + 1) * sizeof(*asked));
    for (struct hub_client *at = hub->clients; at; at = at->next)
        if (!user_id || sok_text_eq(at->user_id, user_id))
            asked[count++] = (struct asked){sok_strdup(arena, at->session_id), at->role};
    pthread_mutex_unlock(&hub->lock);
    for (size_t i = 0; i < count; i++) {
        int code = judge(context, asked[i].login_id, asked[i].role);
        if (code)
            end_clients(
                hub, code, code == SOK_WS_SESSION_ENDED ? "session ended" : "connect again", is_asked,
                &asked[i]);
    }
}

void sok_hub_set_max_per_ip(struct sok_hub *hub, int64_t max_per_ip)
{
    hub->max_per_ip = max_per_ip;
}

enum sok_status sok_hub_new(
    const struct sok_hub_options *options, struct sok_hub **ret, struct sok_error *err)
{
    struct sok_hub *hub = calloc(1, sizeof(*hub));
    if (!hub)
        sok_panic("out of memory for the hub");
    hub->options = *options;
    hub->max_per_ip = options->max_per_ip;
    pthread_mutex_init(&hub->lock, NULL);
    const struct sok_ws_options ws_options = {
        .clock = options->clock,
        .metrics = options->metrics,
        .context = hub,
        .on_message = on_message,
        .on_close = on_close};
    enum sok_status status = sok_ws_new(&ws_options, &hub->ws, err);
    if (status == SOK_OK)
        status = sok_queue_subscribe(options->queue, "", on_event, hub, err);
    struct sok_error unread = {0};
    if (status == SOK_OK && sok_queue_replay(options->queue, REPLAY_MS, on_event, hub, &unread) != SOK_OK)
        sok_log_error(SOK_LOG_WARN, SOK_LOG_API, "events of before the start are not known", &unread);
    if (status != SOK_OK) {
        sok_hub_free(hub);
        return status;
    }
    *ret = hub;
    return SOK_OK;
}

struct sok_hub *sok_hub_free(struct sok_hub *hub)
{
    if (!hub)
        return NULL;
    sok_ws_free(hub->ws);
    while (hub->kept_count)
        drop_oldest(hub);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
    return NULL;
}
