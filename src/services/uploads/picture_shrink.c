// Each output pixel is the average of the input pixels it covers, those at its edge in part. All sums are
// whole numbers: coordinates are multiplied by the output's size, so that an input pixel is `out` wide and an
// output pixel `in`. Colours are weighted by their alpha: what cannot be seen has no colour.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "services/uploads/picture_codec.h"

static int scaled(int side, int longest, int side_out)
{
    if (longest <= side_out)
        return side;
    int64_t rounded = ((int64_t)side * side_out + longest / 2) / longest;
    return rounded < 1 ? 1 : (int)rounded;
}

void sok_pixels_done(struct sok_pixels *pixels)
{
    free(pixels->rgba);
    pixels->rgba = NULL;
}

enum sok_picture_result sok_picture_check_size(
    const struct sok_picture_limits *limits, int64_t width, int64_t height)
{
    if (width <= 0 || height <= 0)
        return SOK_PICTURE_BROKEN;
    bool fits =
        width <= limits->side_max && height <= limits->side_max && width * height <= limits->pixels_max;
    return fits ? SOK_PICTURE_OK : SOK_PICTURE_TOO_BIG;
}

enum sok_picture_result sok_shrink_init(
    struct sok_shrink *shrink, int width, int height, int in_width, int in_height, int side_out)
{
    int longest = width > height ? width : height;
    int out_width = scaled(width, longest, side_out), out_height = scaled(height, longest, side_out);
    size_t columns = (size_t)out_width;
    if (in_width < out_width || in_height < out_height)
        return SOK_PICTURE_BROKEN;
    *shrink = (struct sok_shrink){
        .in_width = in_width, .in_height = in_height, .out = {.width = out_width, .height = out_height}};
    shrink->out.rgba = calloc(columns * (size_t)out_height, 4);
    shrink->row = calloc(columns, 4 * sizeof(uint32_t));
    shrink->rows = calloc(columns, 2 * 4 * sizeof(uint64_t));
    if (shrink->out.rgba && shrink->row && shrink->rows)
        return SOK_PICTURE_OK;
    sok_shrink_done(shrink);
    return SOK_PICTURE_TOO_COMPLEX;
}

void sok_shrink_done(struct sok_shrink *shrink)
{
    sok_pixels_done(&shrink->out);
    free(shrink->row);
    free(shrink->rows);
    shrink->row = NULL;
    shrink->rows = NULL;
}

struct sok_pixels sok_shrink_take(struct sok_shrink *shrink)
{
    struct sok_pixels taken = shrink->out;
    shrink->out.rgba = NULL;
    return taken;
}

static void add_pixel(uint32_t *sums, const uint8_t *pixel, uint32_t weight)
{
    uint32_t alpha = pixel[3] * weight;
    for (int i = 0; i < 3; i++)
        sums[i] += pixel[i] * alpha;
    sums[3] += alpha;
}

// The sums stay below 255 * 255 * in_width, which 32 bits hold up to 66,000 columns.
static void narrow(struct sok_shrink *shrink, const uint8_t *rgba)
{
    uint32_t in = (uint32_t)shrink->in_width, out = (uint32_t)shrink->out.width;
    memset(shrink->row, 0, (size_t)out * 4 * sizeof(*shrink->row));
    for (uint32_t x = 0; x < in; x++) {
        uint32_t from = x * out, first = from / in, edge = (first + 1) * in - from;
        add_pixel(shrink->row + (size_t)first * 4, rgba + (size_t)x * 4, edge < out ? edge : out);
        if (edge < out)
            add_pixel(shrink->row + ((size_t)first + 1) * 4, rgba + (size_t)x * 4, out - edge);
    }
}

static void add_row(struct sok_shrink *shrink, uint64_t *sums, uint32_t weight)
{
    for (size_t i = 0; i < (size_t)shrink->out.width * 4; i++)
        sums[i] += (uint64_t)shrink->row[i] * weight;
}

static void finish_row(struct sok_shrink *shrink, int y)
{
    size_t values = (size_t)shrink->out.width * 4;
    uint64_t area = (uint64_t)shrink->in_width * (uint64_t)shrink->in_height;
    assert(area > 0); // sok_shrink_init refuses others
    uint8_t *to = shrink->out.rgba + (size_t)y * values;
    for (size_t i = 0; i < values; i += 4) {
        const uint64_t *sums = shrink->rows + i;
        for (int k = 0; k < 3; k++)
            to[i + (size_t)k] = sums[3] ? (uint8_t)((sums[k] + sums[3] / 2) / sums[3]) : 0;
        to[i + 3] = (uint8_t)((sums[3] + area / 2) / area);
        shrink->out.has_alpha |= to[i + 3] != 255;
    }
    memmove(shrink->rows, shrink->rows + values, values * sizeof(*shrink->rows));
    memset(shrink->rows + values, 0, values * sizeof(*shrink->rows));
}

void sok_shrink_row(struct sok_shrink *shrink, const uint8_t *rgba)
{
    uint32_t in = (uint32_t)shrink->in_height, out = (uint32_t)shrink->out.height;
    uint32_t from = (uint32_t)shrink->at * out, first = from / in, edge = (first + 1) * in - from;
    if (shrink->at >= shrink->in_height)
        return;
    narrow(shrink, rgba);
    add_row(shrink, shrink->rows, edge < out ? edge : out);
    if (edge < out)
        add_row(shrink, shrink->rows + (size_t)shrink->out.width * 4, out - edge);
    if (edge <= out)
        finish_row(shrink, (int)first);
    shrink->at++;
}

// --- Orientation: 1 upright, 2 mirrored, 3 upside down, 4 both; 5-8 the same lying on their side.

enum sok_picture_result sok_pixels_turn(struct sok_pixels *pixels, int orientation)
{
    if (orientation <= 1 || orientation > 8)
        return SOK_PICTURE_OK;
    static const struct {
        bool swap, flip_x,
            flip_y; // where an output pixel comes from: sides swapped first, then counted from the end
    } turns[9] = {[2] = {0, 1, 0}, [3] = {0, 1, 1}, [4] = {0, 0, 1}, [5] = {1, 0, 0},
                  [6] = {1, 0, 1}, [7] = {1, 1, 1}, [8] = {1, 1, 0}};
    bool swap = turns[orientation].swap;
    int width = swap ? pixels->height : pixels->width, height = swap ? pixels->width : pixels->height;
    uint8_t *turned = malloc((size_t)width * (size_t)height * 4);
    if (!turned)
        return SOK_PICTURE_TOO_COMPLEX;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int from_x = swap ? y : x, from_y = swap ? x : y;
            if (turns[orientation].flip_x)
                from_x = pixels->width - 1 - from_x;
            if (turns[orientation].flip_y)
                from_y = pixels->height - 1 - from_y;
            memcpy(
                turned + ((size_t)y * (size_t)width + (size_t)x) * 4,
                pixels->rgba + ((size_t)from_y * (size_t)pixels->width + (size_t)from_x) * 4, 4);
        }
    }
    free(pixels->rgba);
    pixels->rgba = turned;
    pixels->width = width;
    pixels->height = height;
    return SOK_PICTURE_OK;
}
