// What the address rules say of an address, without a database read for each request: the rules in force lie
// here as two sets of networks that are replaced as a whole.
//
// They are read anew when a rule was written here (sok_ip_gate_reload) or elsewhere (the event
// "invalidate.ip_rules"), when the next of them expires, and every 5 seconds (a command line that writes to
// the same database sends no event). While the database is down the last ones stay in force.
#ifndef SOK_API_IP_GATE_H
#define SOK_API_IP_GATE_H

#include "backends/db/db.h"
#include "backends/queue/queue.h"
#include "net/address.h"
#include "runtime/clock.h"

#define SOK_IP_GATE_TTL_MS 5000

enum sok_address_verdict { SOK_ADDRESS_PLAIN, SOK_ADDRESS_WHITELISTED, SOK_ADDRESS_BLACKLISTED };

struct sok_ip_gate;

// All borrowed; the queue (NULL: no events) is closed before the gate is freed. Owned by the caller.
SOK_MUST_CHECK enum sok_status sok_ip_gate_new(
    struct sok_db *db, struct sok_queue *queue, const struct sok_clock *clock, struct sok_ip_gate **ret,
    struct sok_error *err);
struct sok_ip_gate *sok_ip_gate_free(struct sok_ip_gate *gate);

// NULL as gate: no rules. Any thread; reads the database when the rules are not fresh.
enum sok_address_verdict sok_ip_gate_judge(struct sok_ip_gate *gate, const struct sok_address *address);

// The same of what lies here, never reading: for where nothing may block.
enum sok_address_verdict sok_ip_gate_peek(struct sok_ip_gate *gate, const struct sok_address *address);

// Reads the rules if they are not fresh.
void sok_ip_gate_refresh(struct sok_ip_gate *gate);

// Reads the rules now, behind a write, and tells everybody with the event "invalidate.ip_rules": on it the
// hub closes the WebSockets of addresses that are kept out now.
void sok_ip_gate_reload(struct sok_ip_gate *gate);

#endif
