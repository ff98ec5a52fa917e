// The child's side of picture.h: from bytes to pixels and back. One file a format, each the only one that
// knows its library; the rest knows pixels. Nothing here aborts on bad bytes, and everything is given back:
// the fuzz target runs it in one process.
#ifndef SOK_SERVICES_UPLOADS_PICTURE_CODEC_H
#define SOK_SERVICES_UPLOADS_PICTURE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum sok_picture_result { // the child's exit codes: a number cannot lie much
    SOK_PICTURE_OK = 0,
    SOK_PICTURE_NO_INPUT = 2,
    SOK_PICTURE_NO_JAIL,
    SOK_PICTURE_NO_OUTPUT,
    SOK_PICTURE_UNKNOWN = 10, // neither JPEG nor PNG
    SOK_PICTURE_BROKEN,
    SOK_PICTURE_TOO_BIG,    // more pixels than the limits say
    SOK_PICTURE_TOO_COMPLEX // more passes or memory than an honest picture takes
};

struct sok_picture_limits {
    int side_max;       // pixels
    int64_t pixels_max; // of both sides together
    int side_out;       // the longer side of the result, at most
    bool any_checksum;  // for the fuzz target, which cannot guess them
};

struct sok_pixels {
    int width, height;
    bool has_alpha; // some pixel is not opaque
    uint8_t *rgba;  // width * height * 4, not premultiplied; malloc'd
};
void sok_pixels_done(struct sok_pixels *pixels);

// SOK_PICTURE_TOO_BIG, or SOK_PICTURE_BROKEN for sides that are not positive.
enum sok_picture_result sok_picture_check_size(
    const struct sok_picture_limits *limits, int64_t width, int64_t height);

// Decode and scale down to limits->side_out in one go, row by row; *ret_orientation is what the picture's
// EXIF data says (1-8, 1 without any). *ret is written on success only.
enum sok_picture_result sok_picture_read_jpeg(
    const uint8_t *bytes, size_t len, const struct sok_picture_limits *limits, struct sok_pixels *ret,
    int *ret_orientation);
enum sok_picture_result sok_picture_read_png(
    const uint8_t *bytes, size_t len, const struct sok_picture_limits *limits, struct sok_pixels *ret,
    int *ret_orientation);

// Encode, without any metadata; append to `out`. A JPEG has no transparency.
enum sok_picture_result sok_picture_write_jpeg(const struct sok_pixels *pixels, struct sok_buf *out);
enum sok_picture_result sok_picture_write_png(const struct sok_pixels *pixels, struct sok_buf *out);

// All of it: what sok_picture_make promises, of bytes in memory.
enum sok_picture_result sok_picture_convert(
    const uint8_t *bytes, size_t len, const struct sok_picture_limits *limits, struct sok_buf *out);

// The orientation (1-8) that EXIF data names, from its TIFF header on; 1 when it says nothing, or nonsense.
int sok_exif_orientation(const uint8_t *bytes, size_t len);

// Turns and mirrors the picture so that `orientation` becomes 1.
enum sok_picture_result sok_pixels_turn(struct sok_pixels *pixels, int orientation);

// Scales down by averaging, fed with rows from the top; a picture that is small enough stays as it is.
struct sok_shrink {
    int in_width, in_height, at; // `at`: the next row
    struct sok_pixels out;
    uint32_t *row;  // one input row, narrowed: sums of premultiplied colours, and of alpha
    uint64_t *rows; // the output row being summed up, and the one behind it
};
// `width` and `height` are those of the whole picture, which decide the result's; rows may come narrower and
// fewer (in_width, in_height), where the decoder has scaled a part of the way itself.
enum sok_picture_result sok_shrink_init(
    struct sok_shrink *shrink, int width, int height, int in_width, int in_height, int side_out);
void sok_shrink_row(struct sok_shrink *shrink, const uint8_t *rgba);
struct sok_pixels sok_shrink_take(struct sok_shrink *shrink); // the result, once all rows were fed
void sok_shrink_done(struct sok_shrink *shrink);

#endif
