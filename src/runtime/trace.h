// W3C Trace Context (level 1, https://www.w3.org/TR/trace-context/): the header `traceparent` by which one
// request is followed through every program it passes: 00-TRACE-SPAN-FLAGS.
#ifndef SOK_RUNTIME_TRACE_H
#define SOK_RUNTIME_TRACE_H

#include <stdbool.h>

#define SOK_TRACE_ID_LEN 32
#define SOK_TRACEPARENT_LEN 55

// Reads a header's value (NULL: absent) and writes it as version 00. False, and nothing is written, for what
// is not well-formed: it is as if it were not there. A later version than 00 may say more behind the flags.
bool sok_trace_parse(const char *text, char ret_traceparent[SOK_TRACEPARENT_LEN + 1]);

// The same trace and flags under a new span of our own. `parent` NULL, or not one: a new trace, not sampled.
void sok_trace_child(const char *parent, char ret_traceparent[SOK_TRACEPARENT_LEN + 1]);

#endif
