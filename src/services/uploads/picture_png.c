// The only file that knows libpng. Text, profiles and whatever else a PNG may carry are not even unpacked:
// some hundred bytes of them can become gigabytes.
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "services/uploads/picture_codec.h"

#define CHUNK_BYTES_MAX ((png_alloc_size_t)1 << 20)
#define CHUNKS_MAX 64

struct reader {
    png_structp png;
    png_infop info;
    enum sok_picture_result result;
    const uint8_t *bytes;
    size_t len, at;
    const struct sok_picture_limits *limits;
    struct sok_shrink shrink;
    uint8_t *pixels; // one row, or all of them when they come interlaced
    png_bytep *rows;
    int orientation;
};

// libpng jumps back when this returns.
static void on_error(png_structp png, png_const_charp message)
{
    enum sok_picture_result *result = png_get_error_ptr(png);
    (void)message;
    if (*result == SOK_PICTURE_OK)
        *result = SOK_PICTURE_BROKEN;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void give_up(struct reader *reader, enum sok_picture_result result)
{
    reader->result = result;
    png_error(reader->png, "given up");
}

static void read_bytes(png_structp png, png_bytep to, png_size_t len)
{
    struct reader *reader = png_get_io_ptr(png);
    if (reader->len - reader->at < len)
        png_error(png, "the end");
    memcpy(to, reader->bytes + reader->at, len);
    reader->at += len;
}

static void set_limits(struct reader *reader)
{
    static const png_byte unread[] = "bKGD\0cHRM\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0"
                                     "sPLT\0sRGB\0tEXt\0tIME\0zTXt";
    png_set_user_limits(
        reader->png, (png_uint_32)reader->limits->side_max, (png_uint_32)reader->limits->side_max);
    if (reader->limits->any_checksum)
        png_set_crc_action(reader->png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_set_chunk_cache_max(reader->png, CHUNKS_MAX);
    png_set_chunk_malloc_max(reader->png, CHUNK_BYTES_MAX);
    png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
    png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, unread, sizeof(unread) / 5);
}

// Whatever comes, eight bits of red, green, blue and alpha.
static void set_format(png_structp png)
{
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
}

static void read_orientation(struct reader *reader)
{
    png_uint_32 len = 0;
    png_bytep exif = NULL;
    reader->orientation = 1;
    if (png_get_eXIf_1(reader->png, reader->info, &len, &exif) && exif)
        reader->orientation = sok_exif_orientation(exif, len);
}

static void read_rows(struct reader *reader, int passes, size_t row_bytes, size_t height)
{
    bool all = passes > 1;
    reader->pixels = malloc(all ? row_bytes * height : row_bytes);
    reader->rows = all ? malloc(height * sizeof(*reader->rows)) : NULL;
    if (!reader->pixels || (all && !reader->rows))
        give_up(reader, SOK_PICTURE_TOO_COMPLEX);
    if (all) {
        for (size_t y = 0; y < height; y++)
            reader->rows[y] = reader->pixels + y * row_bytes;
        png_read_image(reader->png, reader->rows);
    }
    for (size_t y = 0; y < height; y++) {
        if (!all)
            png_read_row(reader->png, reader->pixels, NULL);
        sok_shrink_row(&reader->shrink, all ? reader->rows[y] : reader->pixels);
    }
}

static void read_picture(struct reader *reader)
{
    png_structp png = reader->png;
    png_set_read_fn(png, reader, read_bytes);
    set_limits(reader);
    png_read_info(png, reader->info);
    png_uint_32 width = png_get_image_width(png, reader->info),
                height = png_get_image_height(png, reader->info);
    enum sok_picture_result result = sok_picture_check_size(reader->limits, width, height);
    if (result != SOK_PICTURE_OK)
        give_up(reader, result);
    read_orientation(reader);
    set_format(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);
    size_t row_bytes = png_get_rowbytes(png, reader->info);
    if (row_bytes != (size_t)width * 4)
        give_up(reader, SOK_PICTURE_BROKEN);
    result = sok_shrink_init(
        &reader->shrink, (int)width, (int)height, (int)width, (int)height, reader->limits->side_out);
    if (result != SOK_PICTURE_OK)
        give_up(reader, result);
    read_rows(reader, passes, row_bytes, height);
    png_read_end(png, NULL); // the end must be there, too
}

// A size beyond the user's limits is an error of libpng's like any other; which it was is read off the
// header.
static enum sok_picture_result size_of_header(const struct reader *reader)
{
    if (reader->len < 24)
        return SOK_PICTURE_BROKEN;
    int64_t sides[2];
    for (int i = 0; i < 2; i++) {
        const uint8_t *at = reader->bytes + 16 + (size_t)i * 4;
        sides[i] = (int64_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
    }
    return sok_picture_check_size(reader->limits, sides[0], sides[1]);
}

enum sok_picture_result sok_picture_read_png(
    const uint8_t *bytes, size_t len, const struct sok_picture_limits *limits, struct sok_pixels *ret,
    int *ret_orientation)
{
    struct reader reader = {.bytes = bytes, .len = len, .limits = limits};
    reader.result = size_of_header(&reader);
    if (reader.result != SOK_PICTURE_OK)
        return reader.result;
    reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader.result, on_error, on_warning);
    reader.info = reader.png ? png_create_info_struct(reader.png) : NULL;
    if (!reader.info)
        reader.result = SOK_PICTURE_TOO_COMPLEX;
    else if (setjmp(png_jmpbuf(reader.png)) == 0)
        read_picture(&reader);
    png_destroy_read_struct(&reader.png, &reader.info, NULL);
    if (reader.result == SOK_PICTURE_OK) {
        *ret = sok_shrink_take(&reader.shrink);
        *ret_orientation = reader.orientation;
    }
    sok_shrink_done(&reader.shrink);
    free(reader.pixels);
    free(reader.rows);
    return reader.result;
}

// --- Writing

struct writer {
    png_structp png;
    png_infop info;
    enum sok_picture_result result;
    const struct sok_pixels *pixels;
    struct sok_buf *out;
};

static void write_bytes(png_structp png, png_bytep bytes, png_size_t len)
{
    struct writer *writer = png_get_io_ptr(png);
    if (!sok_buf_append(writer->out, bytes, len)) {
        writer->result = SOK_PICTURE_TOO_COMPLEX;
        png_error(png, "too long");
    }
}

static void write_picture(struct writer *writer)
{
    const struct sok_pixels *pixels = writer->pixels;
    png_structp png = writer->png;
    png_set_write_fn(png, writer, write_bytes, NULL);
    png_set_IHDR(
        png, writer->info, (png_uint_32)pixels->width, (png_uint_32)pixels->height, 8,
        pixels->has_alpha ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
        PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, writer->info);
    if (!pixels->has_alpha)
        png_set_filler(png, 0, PNG_FILLER_AFTER); // four bytes go in, three are written
    for (int y = 0; y < pixels->height; y++)
        png_write_row(png, pixels->rgba + (size_t)y * (size_t)pixels->width * 4);
    png_write_end(png, writer->info);
}

enum sok_picture_result sok_picture_write_png(const struct sok_pixels *pixels, struct sok_buf *out)
{
    struct writer writer = {.pixels = pixels, .out = out};
    writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer.result, on_error, on_warning);
    writer.info = writer.png ? png_create_info_struct(writer.png) : NULL;
    if (!writer.info)
        writer.result = SOK_PICTURE_TOO_COMPLEX;
    else if (setjmp(png_jmpbuf(writer.png)) == 0)
        write_picture(&writer);
    png_destroy_write_struct(&writer.png, &writer.info);
    return writer.result;
}
