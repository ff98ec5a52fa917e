// `sokoul-probe picture`: see picture.h for what it is for, jail.c for what is left to it.
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/library/fd.h"
#include "services/library/jail.h"
#include "services/uploads/picture.h"
#include "services/uploads/picture_codec.h"

#define CPU_SECONDS 10
#define MEMORY_MIB 768 // a progressive JPEG of 40 megapixels takes 240, the libraries' code another 150
#define OUTPUT_BYTES_MAX ((size_t)2 << 20)

enum sok_picture_result sok_picture_convert(
    const uint8_t *bytes, size_t len, const struct sok_picture_limits *limits, struct sok_buf *out)
{
    struct sok_pixels pixels = {0};
    int orientation = 1;
    bool is_png = sok_picture_is_png(bytes, len);
    if (!is_png && !sok_picture_is_jpeg(bytes, len))
        return SOK_PICTURE_UNKNOWN;
    enum sok_picture_result result = is_png
                                         ? sok_picture_read_png(bytes, len, limits, &pixels, &orientation)
                                         : sok_picture_read_jpeg(bytes, len, limits, &pixels, &orientation);
    if (result == SOK_PICTURE_OK)
        result = sok_pixels_turn(&pixels, orientation);
    if (result == SOK_PICTURE_OK)
        result = is_png ? sok_picture_write_png(&pixels, out) : sok_picture_write_jpeg(&pixels, out);
    sok_pixels_done(&pixels);
    return result;
}

static uint8_t *read_input(size_t *ret_len)
{
    struct stat info;
    if (fstat(STDIN_FILENO, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0 ||
        (size_t)info.st_size > SOK_PICTURE_BYTES_MAX)
        return NULL;
    size_t size = (size_t)info.st_size, have = 0;
    uint8_t *bytes = malloc(size);
    while (bytes && have < size) {
        ssize_t got = pread(STDIN_FILENO, bytes + have, size - have, (off_t)have);
        if (got <= 0) {
            free(bytes);
            return NULL;
        }
        have += (size_t)got;
    }
    *ret_len = size;
    return bytes;
}

int sok_picture_child_main(void)
{
    static const struct sok_picture_limits limits = {
        SOK_PICTURE_SIDE_MAX, SOK_PICTURE_PIXELS_MAX, SOK_PICTURE_SIDE, false};
    size_t len = 0;
    uint8_t *bytes = read_input(&len);
    if (!bytes)
        return SOK_PICTURE_NO_INPUT;
    enum sok_picture_result result = SOK_PICTURE_NO_JAIL;
    (void)setpriority(PRIO_PROCESS, 0, 10); // films and sign-ins go first, however hard the picture is
    SOK_BUF_AUTO out;
    sok_buf_init(&out, OUTPUT_BYTES_MAX);
    if (sok_jail_enter(CPU_SECONDS, SOK_PICTURE_TIMEOUT_MS / 1000 + 5, MEMORY_MIB))
        result = sok_picture_convert(bytes, len, &limits, &out);
    free(bytes);
    if (result == SOK_PICTURE_OK && !sok_fd_write_all(STDOUT_FILENO, out.data, out.len))
        result = SOK_PICTURE_NO_OUTPUT;
    return (int)result;
}
