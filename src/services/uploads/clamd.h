// ClamAV's daemon, asked over its socket (clamd(8)): the file goes to it in pieces (zINSTREAM), so that it
// needs no access to ours, and it says what it knows of it.
#ifndef SOK_SERVICES_UPLOADS_CLAMD_H
#define SOK_SERVICES_UPLOADS_CLAMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define SOK_CLAMD_TIMEOUT_MS 10000 // of a whole scan
#define SOK_CLAMD_SIGNATURE_SIZE 128

struct sok_clamd_verdict {
    bool is_infected;
    char signature[SOK_CLAMD_SIGNATURE_SIZE]; // printable ASCII, cut; "" when it is clean
};

// `address` as SOKOUL_CLAMD ("unix:PATH", "tcp:HOST:PORT"). Anything but a clear yes or no within timeout_ms
// is a failure: SOK_UNAVAILABLE (code "scanner_unavailable"): not reachable, too slow, hung up, an answer
// that is none; the sentence is for the operator, it says where the scanner was looked for. SOK_TOO_LARGE:
// the scanner takes no files of that size (its StreamMaxLength). Blocks; any thread.
SOK_MUST_CHECK enum sok_status sok_clamd_scan(
    const char *address, const void *bytes, size_t len, int64_t timeout_ms, struct sok_clamd_verdict *ret,
    struct sok_error *err);

// Whether it is there and works. Fails as above. Blocks; any thread.
SOK_MUST_CHECK enum sok_status sok_clamd_ping(const char *address, int64_t timeout_ms, struct sok_error *err);

// What an answer to INSTREAM (without the NUL that ends it) means. Pure.
SOK_MUST_CHECK enum sok_status sok_clamd_read_answer(
    const char *answer, size_t len, struct sok_clamd_verdict *ret, struct sok_error *err);

#endif
