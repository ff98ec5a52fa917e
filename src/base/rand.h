// Randomness from the kernel, and the ids made of it.
#ifndef SOK_BASE_RAND_H
#define SOK_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

#define SOK_UUID_LEN 36 // characters, without the NUL

// Fills `bytes` with unpredictable bytes (getrandom). Any thread; aborts if the kernel refuses.
void sok_random_bytes(void *bytes, size_t len);

// A uniform number in [0, bound). bound > 0.
uint32_t sok_random_below(uint32_t bound);

// A UUIDv7 (RFC 9562 section 5.7) for the time now_ms, lower case. Ids of one process made in one millisecond
// are in order.
void sok_uuid7(int64_t now_ms, char ret_id[SOK_UUID_LEN + 1]);

// URL-safe random text of `bytes` * 4 / 3 characters, for tokens and keys: `bytes` of entropy. ret_text holds
// at least that + 1.
void sok_random_token(size_t bytes, char *ret_text, size_t text_size);

#endif
