// The names this server answers to. A page of another site can make its own name lead to this machine once it
// is loaded (DNS rebinding); the browser then takes us for that site and lets the page read everything. It
// cannot choose what stands in `Host`, though: that is the page's name. So a name that strangers could own is
// answered only when the operator said that it is ours.
#include <string.h>
#include <strings.h>

#include "api/middleware/middleware.h"
#include "net/address.h"

#define NAME_MAX_BYTES 254

// Top-level names that no registrar sells (RFC 6761, 6762, 8375, ICANN's .internal, and what routers use).
static const char *const local_suffixes[] = {
    ".localhost", ".local",   ".lan",  ".home", ".home.arpa",   ".internal",
    ".intranet",  ".private", ".corp", ".test", ".localdomain",
};

static bool ends_with(const char *name, const char *suffix, size_t suffix_len)
{
    size_t len = strlen(name);
    return len > suffix_len && strncasecmp(name + len - suffix_len, suffix, suffix_len) == 0;
}

// "host[:port]" or "[v6][:port]", ended by the end or by one of "/?#", to the host alone.
static bool read_name(const char *text, char ret_name[NAME_MAX_BYTES])
{
    size_t len = 0;
    if (text[0] == '[') {
        len = strcspn(++text, "]");
        if (text[len] != ']' || !strchr(":/?#", text[len + 1])) // its NUL, too
            return false;
    } else {
        len = strcspn(text, ":/?#");
        if (len && text[len - 1] == '.')
            len--; // "name." is the same name
    }
    if (len >= NAME_MAX_BYTES)
        return false;
    memcpy(ret_name, text, len);
    ret_name[len] = '\0';
    return true;
}

// Whether `name` is in the comma-separated list: "name", "*.name" for all below it, "*" for every one.
static bool is_listed(const char *name, const char *list)
{
    while (list && *list) {
        list += strspn(list, ", ");
        size_t len = strcspn(list, ", ");
        if (len == 1 && *list == '*')
            return true;
        if (len > 2 && list[0] == '*' ? ends_with(name, list + 1, len - 1)
                                      : len == strlen(name) && strncasecmp(name, list, len) == 0)
            return true;
        list += len;
    }
    return false;
}

bool sok_host_is_ours(const char *host, const char *public_url, const char *names)
{
    char name[NAME_MAX_BYTES], ours[NAME_MAX_BYTES];
    struct sok_address address;
    if (!host)
        return true; // no browser: they always say where they believe to be
    if (!read_name(host, name))
        return false;
    if (sok_address_parse(name, &address))
        return true;
    if (host[0] == '[')
        return false;
    if (!strchr(name, '.'))
        return true; // of the local network
    for (size_t i = 0; i < SOK_ARRAY_LEN(local_suffixes); i++)
        if (ends_with(name, local_suffixes[i], strlen(local_suffixes[i])))
            return true;
    const char *authority = public_url ? strstr(public_url, "://") : NULL;
    if (authority && read_name(authority + 3, ours) && strcasecmp(name, ours) == 0)
        return true;
    return is_listed(name, names);
}

enum sok_status sok_api_check_host(const struct sok_request *request, struct sok_error *err)
{
    const struct sok_config *config = sok_api_of(request)->config;
    if (sok_host_is_ours(sok_request_header(request, "Host"), config->public_url, config->host_names))
        return SOK_OK;
    enum sok_status status = sok_fail(
        err, SOK_DENIED,
        "this server does not know itself by that name: see SOKOUL_PUBLIC_URL, SOKOUL_HOST_NAMES");
    if (err)
        err->code = "host_refused";
    return status;
}
