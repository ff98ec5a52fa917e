// The only file that knows libjpeg (libjpeg-turbo). It is let decode no further than needed: in eighths of
// the size where the result is small, with a limit on memory, and no more passes over a progressive picture
// than an honest one has.
#include <setjmp.h>
#include <stdio.h> // jpeglib.h wants it
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "services/uploads/picture_codec.h"

#define MEMORY_MAX (320L << 20)
#define SCANS_MAX 64 // encoders make a dozen
#define QUALITY 88
#define EXIF_MARKER (JPEG_APP0 + 1)

struct codec {
    struct jpeg_error_mgr errors; // first: libjpeg hands it back
    jmp_buf back;
    enum sok_picture_result result;
};

static void give_up(j_common_ptr info, enum sok_picture_result result)
{
    struct codec *codec = (struct codec *)info->err;
    codec->result = result;
    longjmp(codec->back, 1);
}

static void on_error(j_common_ptr info)
{
    int code = info->err->msg_code;
    bool is_memory =
        code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE || code == JERR_WIDTH_OVERFLOW;
    give_up(info, is_memory ? SOK_PICTURE_TOO_COMPLEX : SOK_PICTURE_BROKEN);
}

// libjpeg makes grey of what is missing and goes on; a picture of which a part is missing is no picture.
static void on_message(j_common_ptr info, int level)
{
    static const int fatal[] = {JWRN_JPEG_EOF,       JWRN_HIT_MARKER,        JWRN_HUFF_BAD_CODE,
                                JWRN_ARITH_BAD_CODE, JWRN_BOGUS_PROGRESSION, JWRN_MUST_RESYNC};
    for (size_t i = 0; level < 0 && i < sizeof(fatal) / sizeof(*fatal); i++)
        if (info->err->msg_code == fatal[i])
            give_up(info, SOK_PICTURE_BROKEN);
}

static void on_output(j_common_ptr info)
{
    (void)info; // standard error is nobody's
}

static void on_progress(j_common_ptr info)
{
    if (info->is_decompressor && ((j_decompress_ptr)info)->input_scan_number > SCANS_MAX)
        give_up(info, SOK_PICTURE_TOO_COMPLEX);
}

static struct jpeg_error_mgr *set_errors(struct codec *codec)
{
    struct jpeg_error_mgr *errors = jpeg_std_error(&codec->errors);
    errors->error_exit = on_error;
    errors->emit_message = on_message;
    errors->output_message = on_output;
    codec->result = SOK_PICTURE_OK;
    return errors;
}

// --- Reading

struct reader {
    struct codec codec;
    struct jpeg_decompress_struct info;
    struct jpeg_progress_mgr progress;
    const uint8_t *bytes;
    size_t len;
    const struct sok_picture_limits *limits;
    struct sok_shrink shrink;
    uint8_t *line, *rgba; // a row as libjpeg gives it, and as it goes on
    int orientation;
};

static void read_orientation(struct reader *reader)
{
    static const uint8_t mark[6] = "Exif\0";
    reader->orientation = 1;
    for (jpeg_saved_marker_ptr at = reader->info.marker_list; at; at = at->next) {
        if (at->marker != EXIF_MARKER || at->data_length < sizeof(mark) ||
            memcmp(at->data, mark, sizeof(mark)) != 0)
            continue;
        reader->orientation = sok_exif_orientation(at->data + sizeof(mark), at->data_length - sizeof(mark));
        return;
    }
}

// libjpeg can leave out the fine parts: the picture comes out a half, a quarter or an eighth of its size.
static void choose_scale(struct reader *reader)
{
    struct jpeg_decompress_struct *info = &reader->info;
    JDIMENSION longest = info->image_width > info->image_height ? info->image_width : info->image_height;
    info->scale_num = 1;
    info->scale_denom = 1;
    while (info->scale_denom < 8 && longest / (info->scale_denom * 2) >= (JDIMENSION)reader->limits->side_out)
        info->scale_denom *= 2;
    // Four colours of a printer come as they are, everything else as red, green, blue.
    bool is_print = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
    info->out_color_space = is_print ? JCS_CMYK : JCS_RGB;
    info->dct_method = JDCT_ISLOW;
}

static void convert_line(struct reader *reader)
{
    const struct jpeg_decompress_struct *info = &reader->info;
    const uint8_t *from = reader->line;
    uint8_t *to = reader->rgba;
    bool is_print = info->out_color_space == JCS_CMYK;
    for (JDIMENSION x = 0; x < info->output_width; x++, to += 4, from += is_print ? 4 : 3) {
        for (int i = 0; i < 3; i++) {
            // Adobe's programs write how much light is left, others how much ink there is.
            int colour = is_print && !info->saw_Adobe_marker ? 255 - from[i] : from[i];
            int black = is_print ? (info->saw_Adobe_marker ? from[3] : 255 - from[3]) : 255;
            to[i] = (uint8_t)(colour * black / 255);
        }
        to[3] = 255;
    }
}

static void read_picture(struct reader *reader)
{
    struct jpeg_decompress_struct *info = &reader->info;
    jpeg_create_decompress(info);
    info->mem->max_memory_to_use = MEMORY_MAX;
    info->progress = &reader->progress;
    reader->progress.progress_monitor = on_progress;
    jpeg_mem_src(info, reader->bytes, (unsigned long)reader->len);
    jpeg_save_markers(info, EXIF_MARKER, 0xFFFF);
    (void)jpeg_read_header(info, TRUE);
    enum sok_picture_result result =
        sok_picture_check_size(reader->limits, info->image_width, info->image_height);
    if (result != SOK_PICTURE_OK)
        give_up((j_common_ptr)info, result);
    read_orientation(reader);
    choose_scale(reader);
    (void)jpeg_start_decompress(info);
    reader->line = malloc((size_t)info->output_width * (size_t)info->output_components);
    reader->rgba = malloc((size_t)info->output_width * 4);
    result = sok_shrink_init(
        &reader->shrink, (int)info->image_width, (int)info->image_height, (int)info->output_width,
        (int)info->output_height, reader->limits->side_out);
    if (!reader->line || !reader->rgba || result != SOK_PICTURE_OK)
        give_up((j_common_ptr)info, result == SOK_PICTURE_OK ? SOK_PICTURE_TOO_COMPLEX : result);
    while (info->output_scanline < info->output_height) {
        JSAMPROW row = reader->line;
        (void)jpeg_read_scanlines(info, &row, 1);
        convert_line(reader);
        sok_shrink_row(&reader->shrink, reader->rgba);
    }
    (void)jpeg_finish_decompress(info);
}

enum sok_picture_result sok_picture_read_jpeg(
    const uint8_t *bytes, size_t len, const struct sok_picture_limits *limits, struct sok_pixels *ret,
    int *ret_orientation)
{
    struct reader reader = {.bytes = bytes, .len = len, .limits = limits};
    reader.info.err = set_errors(&reader.codec);
    if (setjmp(reader.codec.back) == 0)
        read_picture(&reader);
    jpeg_destroy_decompress(&reader.info);
    if (reader.codec.result == SOK_PICTURE_OK) {
        *ret = sok_shrink_take(&reader.shrink);
        *ret_orientation = reader.orientation;
    }
    sok_shrink_done(&reader.shrink);
    free(reader.line);
    free(reader.rgba);
    return reader.codec.result;
}

// --- Writing

struct writer {
    struct codec codec;
    struct jpeg_compress_struct info;
    const struct sok_pixels *pixels;
    unsigned char *bytes; // libjpeg's, malloc'd
    unsigned long len;
    uint8_t *line;
};

static void write_picture(struct writer *writer)
{
    struct jpeg_compress_struct *info = &writer->info;
    const struct sok_pixels *pixels = writer->pixels;
    jpeg_create_compress(info);
    jpeg_mem_dest(info, &writer->bytes, &writer->len);
    info->image_width = (JDIMENSION)pixels->width;
    info->image_height = (JDIMENSION)pixels->height;
    info->input_components = 3;
    info->in_color_space = JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, QUALITY, TRUE);
    info->optimize_coding = TRUE;
    jpeg_start_compress(info, TRUE);
    while (info->next_scanline < info->image_height) {
        const uint8_t *from = pixels->rgba + (size_t)info->next_scanline * (size_t)pixels->width * 4;
        for (size_t x = 0; x < (size_t)pixels->width; x++)
            memcpy(writer->line + x * 3, from + x * 4, 3);
        JSAMPROW row = writer->line;
        (void)jpeg_write_scanlines(info, &row, 1);
    }
    jpeg_finish_compress(info);
}

enum sok_picture_result sok_picture_write_jpeg(const struct sok_pixels *pixels, struct sok_buf *out)
{
    struct writer writer = {.pixels = pixels, .line = malloc((size_t)pixels->width * 3)};
    if (!writer.line)
        return SOK_PICTURE_TOO_COMPLEX;
    writer.info.err = set_errors(&writer.codec);
    if (setjmp(writer.codec.back) == 0)
        write_picture(&writer);
    jpeg_destroy_compress(&writer.info);
    if (writer.codec.result == SOK_PICTURE_OK && !sok_buf_append(out, writer.bytes, writer.len))
        writer.codec.result = SOK_PICTURE_TOO_COMPLEX;
    free(writer.bytes);
    free(writer.line);
    return writer.codec.result;
}
