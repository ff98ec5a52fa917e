// What the files of services/streaming share. Nothing outside this folder includes it.
#ifndef SOK_SERVICES_STREAMING_STREAM_PRIVATE_H
#define SOK_SERVICES_STREAMING_STREAM_PRIVATE_H

#include "services/streaming/stream.h"

#define SOK_STREAM_KEY_BYTES 32

struct sok_streaming {
    struct sok_streaming_options options;
    unsigned char key[SOK_STREAM_KEY_BYTES];
};

#endif
