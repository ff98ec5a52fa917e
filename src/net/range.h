// Conditional and range requests (RFC 9110 sections 13 and 14): the header texts as decisions. Pure.
#ifndef SOK_NET_RANGE_H
#define SOK_NET_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOK_RANGES_MAX 16

struct sok_range {
    int64_t first, last; // both inclusive, 0 <= first <= last < size
};

enum sok_range_result {
    SOK_RANGE_WHOLE,        // no range, another unit, malformed, too many or too much: answer 200
    SOK_RANGE_PARTIAL,      // `ranges` holds what to send: 206
    SOK_RANGE_UNSATISFIABLE // 416
};

// Reads a Range header (NULL: none) for a body of size_bytes. Ranges that overlap or touch are merged and
// then stand in ascending order; more than SOK_RANGES_MAX, or together more bytes than the whole, are
// answered as WHOLE.
enum sok_range_result sok_range_parse(
    const char *header, int64_t size_bytes, struct sok_range ret_ranges[SOK_RANGES_MAX], int *ret_count);

// Whether If-Range (NULL: none) still names this representation, so that Range counts. A weak tag never does;
// a date must be exactly the Last-Modified that was sent (modified_ms; 0: none was).
bool sok_if_range_holds(const char *header, const char *etag, int64_t modified_ms);

// Whether the list of an If-None-Match or If-Match header names `etag`: weak comparison, or strong when
// `strong`.
// "*" names everything. NULL header: false.
bool sok_etag_listed(const char *header, const char *etag, bool strong);

#endif
