// Bytes as text and back: hexadecimal, base32 (RFC 4648 section 6) and base64 (sections 4 and 5).
#ifndef SOK_BASE_ENCODE_H
#define SOK_BASE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

// Lower case. ret_text holds 2 * len + 1.
void sok_hex_encode(const void *bytes, size_t len, char *ret_text);

// Exactly 2 * want_len digits of either case; false and nothing written otherwise.
bool sok_hex_decode(const char *text, size_t text_len, void *ret_bytes, size_t want_len);

// Base32 without padding, either case, exactly want_len bytes; false otherwise. Info hashes come so (BEP 9).
bool sok_base32_decode(const char *text, size_t text_len, void *ret_bytes, size_t want_len);

// Room for the text of len bytes with padding and NUL.
size_t sok_base64_size(size_t len);

// Without padding and with '-' and '_'. ret_text holds sok_base64_size(len).
void sok_base64url_encode(const void *bytes, size_t len, char *ret_text);

// The alphabet of section 4, padded with '='. ret_text holds sok_base64_size(len).
void sok_base64_encode(const void *bytes, size_t len, char *ret_text);

// Either alphabet, padded or not; false for anything else or when it would not fit. *ret_len: bytes written.
bool sok_base64_decode(const char *text, size_t text_len, void *ret_bytes, size_t size, size_t *ret_len);

#endif
