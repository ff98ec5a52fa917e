// The web interface: the files of web/dist, embedded at build time. Every path that is no file is the page
// itself, which routes inside.
#include <stdlib.h>
#include <string.h>

#include "api/handlers/handlers.h"
#include "api/middleware/csp.h"
#include "base/embed.h"
#include "base/text.h"

extern const struct sok_embedded_file sok_web_files[];
extern const size_t sok_web_files_count;

static const char *content_type(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".woff2", "font/woff2"},
        {".png", "image/png"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(types); i++)
        if (sok_text_ends(path, types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

static int compare_path(const void *path, const void *file)
{
    return strcmp(path, ((const struct sok_embedded_file *)file)->path);
}

static const struct sok_embedded_file *find(const char *path)
{
    return bsearch(path, sok_web_files, sok_web_files_count, sizeof(*sok_web_files), compare_path);
}

static enum sok_status reply_file(struct sok_request *request, const struct sok_embedded_file *file)
{
    const char *etag = sok_format(request->arena, "\"%.32s\"", file->sha256);
    const char *known = sok_request_header(request, "If-None-Match");
    sok_reply_header(request, "ETag", etag);
    sok_reply_header(request, "Cache-Control", "no-cache"); // kept, but asked about: an update shows at once
    sok_reply_header(request, "Content-Security-Policy", SOK_CSP_PAGE);
    bool same = known && strstr(known, etag);
    sok_reply_bytes(
        request, same ? 304 : 200, content_type(file->path), file->bytes, same ? 0 : file->len, true);
    return SOK_OK;
}

static enum sok_status reply_page(struct sok_request *request, const char *name, struct sok_error *err)
{
    const struct sok_embedded_file *page = find(name);
    if (!page)
        return sok_fail(err, SOK_NOT_FOUND, "this build has no web interface");
    return reply_file(request, page);
}

enum sok_status sok_web_page(struct sok_request *request, struct sok_error *err)
{
    return reply_page(request, "index.html", err);
}

enum sok_status sok_web_docs(struct sok_request *request, struct sok_error *err)
{
    return reply_page(request, "docs.html", err);
}

enum sok_status sok_web_asset(struct sok_request *request, struct sok_error *err)
{
    const struct sok_embedded_file *file = find(request->path + 1); // without the leading '/'
    if (!file)
        return sok_fail(err, SOK_NOT_FOUND, "there is no such file");
    return reply_file(request, file);
}
