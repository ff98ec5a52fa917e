// When a proxy sends a file in our place (nginx's X-Accel-Redirect). What goes out must be the same byte for
// byte, so this is for the requests that two programs cannot read differently: a GET of the whole, or of one
// range in its plain form. Conditions, several ranges, HEAD are answered from here.
#include "net/http_private.h"

#include <string.h>

#include "base/text.h"

#define DIGITS "0123456789"
#define DIGITS_MAX 18

// bytes=FIRST-LAST, FIRST- or -COUNT, and nothing around them.
static bool is_plain(const char *range)
{
    if (!sok_text_starts(range, "bytes="))
        return false;
    const char *first = range + strlen("bytes=");
    size_t before = strspn(first, DIGITS);
    if (first[before] != '-')
        return false;
    const char *last = first + before + 1;
    size_t behind = strspn(last, DIGITS);
    return last[behind] == '\0' && before + behind > 0 && before <= DIGITS_MAX && behind <= DIGITS_MAX;
}

struct counted {
    const char *name;
    int count;
};

static enum MHD_Result count_one(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct counted *counted = context;
    counted->count += strcasecmp(name, counted->name) == 0;
    return MHD_YES;
}

static int count_header(struct sok_exchange *exchange, const char *name)
{
    struct counted counted = {name, 0};
    MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, count_one, &counted);
    return counted.count;
}

// From whoever is no trusted proxy it is a word like any other, and the file goes out from here.
static bool proxy_can(struct sok_exchange *exchange)
{
    return exchange->from_proxy &&
           sok_text_eq(sok_request_header(&exchange->request, "X-Sendfile-Type"), "X-Accel-Redirect");
}

bool sok_exchange_may_redirect(struct sok_exchange *exchange, enum sok_range_result result, int count)
{
    static const char *const conditions[] = {
        "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"};
    const struct sok_request *request = &exchange->request;
    const struct sok_byte_source *source = &exchange->response.source;
    if (!source->accel || source->fd < 0 || source->size_bytes <= 0 || request->is_head ||
        !proxy_can(exchange))
        return false;
    for (size_t i = 0; i < SOK_ARRAY_LEN(conditions); i++)
        if (sok_request_header(request, conditions[i]))
            return false;
    const char *range = sok_request_header(request, "Range"),
               *if_range = sok_request_header(request, "If-Range");
    if (if_range && !sok_text_eq(if_range, source->etag))
        return false;
    if (!range)
        return result == SOK_RANGE_WHOLE;
    return result == SOK_RANGE_PARTIAL && count == 1 && is_plain(range) &&
           count_header(exchange, "Range") == 1;
}
