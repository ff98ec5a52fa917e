#include "services/uploads/picture.h"

#include <stdio.h> // jpeglib.h wants it
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#include "base/test.h"
#include "services/uploads/picture_codec.h"

static const struct sok_picture_limits limits = {4000, 4000000, 512, false};

// --- Pictures to read: four quarters, red, green, blue, white from the left above.

static void quarter(int x, int y, int width, int height, uint8_t *ret_rgba)
{
    static const uint8_t colours[4][4] = {
        {255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}};
    memcpy(ret_rgba, colours[(y >= height / 2) * 2 + (x >= width / 2)], 4);
}

static struct sok_pixels make_pixels(int width, int height)
{
    struct sok_pixels pixels = {width, height, false, malloc((size_t)width * (size_t)height * 4)};
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            quarter(x, y, width, height, pixels.rgba + ((size_t)y * (size_t)width + (size_t)x) * 4);
    return pixels;
}

static void make_jpeg(int width, int height, struct sok_buf *out)
{
    struct sok_pixels pixels = make_pixels(width, height);
    assert_int_equal(SOK_PICTURE_OK, sok_picture_write_jpeg(&pixels, out));
    sok_pixels_done(&pixels);
}

static void make_png(int width, int height, struct sok_buf *out)
{
    struct sok_pixels pixels = make_pixels(width, height);
    assert_int_equal(SOK_PICTURE_OK, sok_picture_write_png(&pixels, out));
    sok_pixels_done(&pixels);
}

// A progressive JPEG; `bomb`: each coefficient of each colour in a scan of its own.
static void make_progressive(int side, bool bomb, struct sok_buf *out)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long len = 0;
    jpeg_scan_info script[1 + 3 * 63] = {{.comps_in_scan = 3, .component_index = {0, 1, 2}}};
    int scans = 1;
    for (int colour = 0; colour < 3; colour++)
        for (int at = 1; at < 64; at++)
            script[scans++] =
                (jpeg_scan_info){.comps_in_scan = 1, .component_index = {colour}, .Ss = at, .Se = at};
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &len);
    info.image_width = info.image_height = (JDIMENSION)side;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_simple_progression(&info);
    if (bomb) {
        info.scan_info = script;
        info.num_scans = scans;
    }
    jpeg_start_compress(&info, TRUE);
    uint8_t *line = calloc((size_t)side, 3);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = line;
        line[info.next_scanline % (unsigned)side] = 200;
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    assert_true(sok_buf_append(out, bytes, len));
    free(bytes);
    free(line);
}

static void append(png_structp png, png_bytep bytes, png_size_t len)
{
    assert_true(sok_buf_append(png_get_io_ptr(png), bytes, len));
}

// The quarters, interlaced, with `depth` bits of palette, grey or colour, and a text that unpacks to
// `text_len`.
static void make_odd_png(int side, int depth, int colour_type, int text_len, struct sok_buf *out)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, out, append, NULL);
    png_set_IHDR(
        png, info, (png_uint_32)side, (png_uint_32)side, depth, colour_type, PNG_INTERLACE_ADAM7,
        PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_color palette[4] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
    if (colour_type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 4);
    char *text = calloc(1, (size_t)text_len + 1);
    memset(text, 'a', (size_t)text_len);
    png_text entry = {
        .compression = PNG_TEXT_COMPRESSION_zTXt,
        .key = (char[]){"Comment"},
        .text = text,
        .text_length = (size_t)text_len};
    if (text_len)
        png_set_text(png, info, &entry, 1);
    png_write_info(png, info);
    size_t row_bytes = png_get_rowbytes(png, info);
    uint8_t *bytes = malloc(row_bytes * (size_t)side);
    png_bytep *rows = malloc((size_t)side * sizeof(*rows));
    memset(bytes, 0xff, row_bytes * (size_t)side); // white, or the palette's last colour
    for (int y = 0; y < side; y++)
        rows[y] = bytes + (size_t)y * row_bytes;
    png_write_image(png, rows);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(bytes);
    free(rows);
    free(text);
}

static enum sok_picture_result convert(const struct sok_buf *in, struct sok_buf *out)
{
    sok_buf_clear(out);
    return sok_picture_convert((const uint8_t *)in->data, in->len, &limits, out);
}

static struct sok_pixels read_back(const struct sok_buf *from)
{
    struct sok_pixels pixels;
    int orientation;
    bool is_png = sok_picture_is_png(from->data, from->len);
    const uint8_t *bytes = (const uint8_t *)from->data;
    enum sok_picture_result result =
        is_png ? sok_picture_read_png(bytes, from->len, &limits, &pixels, &orientation)
               : sok_picture_read_jpeg(bytes, from->len, &limits, &pixels, &orientation);
    assert_int_equal(SOK_PICTURE_OK, result);
    assert_int_equal(1, orientation);
    return pixels;
}

static bool is_near(const struct sok_pixels *pixels, double x, double y, const uint8_t *colour)
{
    size_t column = (size_t)(x * pixels->width), row = (size_t)(y * pixels->height);
    const uint8_t *pixel = pixels->rgba + (row * (size_t)pixels->width + column) * 4;
    for (int i = 0; i < 4; i++)
        if (abs(pixel[i] - colour[i]) > 12)
            return false;
    return true;
}

// The quarters lie where `places` says, counted from the left above.
static void assert_quarters(const struct sok_pixels *pixels, const int places[4])
{
    for (int i = 0; i < 4; i++) {
        uint8_t colour[4];
        quarter(i % 2, i / 2, 2, 2, colour);
        assert_true(is_near(pixels, places[i] % 2 ? 0.75 : 0.25, places[i] / 2 ? 0.75 : 0.25, colour));
    }
}

#define BUFFERS                   \
    SOK_BUF_AUTO in;              \
    SOK_BUF_AUTO out;             \
    sok_buf_init(&in, 64u << 20); \
    sok_buf_init(&out, 2u << 20)

// --- Tests

static void a_picture_is_scaled_down_and_keeps_its_shape(void **state)
{
    static const struct {
        int width, height, width_out, height_out;
    } rows[] = {{1, 1, 1, 1},           {40, 30, 40, 30},      {512, 512, 512, 512},
                {513, 100, 512, 100},   {1023, 700, 512, 350}, {1024, 512, 512, 256},
                {2000, 1501, 512, 384}, {100, 3999, 13, 512},  {4000, 1, 512, 1}};
    static const int upright[4] = {0, 1, 2, 3};
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows) * 2; i++) {
        BUFFERS;
        (i % 2 ? make_png : make_jpeg)(rows[i / 2].width, rows[i / 2].height, &in);
        assert_int_equal(SOK_PICTURE_OK, convert(&in, &out));
        assert_int_equal(i % 2, sok_picture_is_png(out.data, out.len));
        struct sok_pixels pixels = read_back(&out);
        assert_int_equal(rows[i / 2].width_out, pixels.width);
        assert_int_equal(rows[i / 2].height_out, pixels.height);
        assert_false(pixels.has_alpha);
        if (pixels.width > 20 && pixels.height > 20)
            assert_quarters(&pixels, upright);
        sok_pixels_done(&pixels);
    }
}

static void a_jpeg_with(const struct sok_buf *jpeg, const void *segment, size_t len, struct sok_buf *out)
{
    uint8_t head[] = {0xff, 0xd8, 0xff, 0xe1, (uint8_t)((len + 2) >> 8), (uint8_t)(len + 2)};
    sok_buf_append(out, head, sizeof(head));
    sok_buf_append(out, segment, len);
    sok_buf_append(out, jpeg->data + 2, jpeg->len - 2);
}

static void the_picture_is_turned_as_its_camera_says_and_the_metadata_is_gone(void **state)
{
    // Where the quarters go, by orientation.
    static const int places[9][4] = {
        [1] = {0, 1, 2, 3}, [2] = {1, 0, 3, 2}, [3] = {3, 2, 1, 0}, [4] = {2, 3, 0, 1},
        [5] = {0, 2, 1, 3}, [6] = {1, 3, 0, 2}, [7] = {3, 1, 2, 0}, [8] = {2, 0, 3, 1}};
    for (int orientation = 1; orientation <= 8; orientation++) {
        char exif[] = "Exif\0\0MM\0\x2a\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0?\0\0SECRET";
        exif[25] = (char)orientation;
        BUFFERS;
        SOK_BUF_AUTO turned;
        sok_buf_init(&turned, 1 << 20);
        make_jpeg(200, 100, &in);
        a_jpeg_with(&in, exif, sizeof(exif) - 1, &turned);
        assert_int_equal(SOK_PICTURE_OK, convert(&turned, &out));
        struct sok_pixels pixels = read_back(&out);
        assert_int_equal(orientation < 5 ? 200 : 100, pixels.width);
        assert_quarters(&pixels, places[orientation]);
        assert_null(memmem(out.data, out.len, "SECRET", 6));
        assert_null(memmem(out.data, out.len, "Exif", 4));
        sok_pixels_done(&pixels);
    }
}

static void orientation_is_read_from_either_byte_order_and_never_beyond_the_end(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        int orientation;
    } rows[] = {
        {"MM\0\x2a\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0", 22, 6},
        {"II\x2a\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x08\0\0\0", 22, 8},
        {"II\x2a\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x09\0\0\0", 22, 1}, // no such orientation
        {"II\x2a\0\x08\0\0\0\1\0\x12\1\4\0\1\0\0\0\x08\0\0\0", 22, 1}, // not a short
        {"II\x2a\0\xff\xff\xff\xff\1\0\x12\1\3\0\1\0\0\0\x08\0\0\0", 22, 1},
        {"II\x2a\0\x08\0\0\0\xff\xff", 10, 1},
        {"MI\0\x2a", 4, 1},
        {"", 0, 1},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++)
        assert_int_equal(
            rows[i].orientation, sok_exif_orientation((const uint8_t *)rows[i].bytes, rows[i].len));
}

static void what_cannot_be_seen_has_no_colour(void **state)
{
    // A red column beside a green one that is transparent: their average is half transparent red.
    struct sok_pixels pixels = {1024, 2, true, calloc(1024 * 2, 4)};
    for (size_t i = 0; i < 2048; i++)
        memcpy(pixels.rgba + i * 4, i % 2 ? "\0\xff\0\0" : "\xff\0\0\xff", 4);
    BUFFERS;
    assert_int_equal(SOK_PICTURE_OK, sok_picture_write_png(&pixels, &in));
    sok_pixels_done(&pixels);
    assert_int_equal(SOK_PICTURE_OK, convert(&in, &out));
    pixels = read_back(&out);
    assert_true(pixels.has_alpha);
    assert_int_equal(512, pixels.width);
    assert_memory_equal("\xff\0\0\x80", pixels.rgba, 4);
    sok_pixels_done(&pixels);
}

static void every_kind_of_png_is_read(void **state)
{
    static const int kinds[][2] = {{1, PNG_COLOR_TYPE_GRAY},       {16, PNG_COLOR_TYPE_GRAY},
                                   {2, PNG_COLOR_TYPE_PALETTE},    {8, PNG_COLOR_TYPE_RGB},
                                   {16, PNG_COLOR_TYPE_RGB_ALPHA}, {8, PNG_COLOR_TYPE_GRAY_ALPHA}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(kinds); i++) {
        BUFFERS;
        make_odd_png(600, kinds[i][0], kinds[i][1], 0, &in);
        assert_int_equal(SOK_PICTURE_OK, convert(&in, &out));
        struct sok_pixels pixels = read_back(&out);
        assert_int_equal(512, pixels.width);
        assert_memory_equal("\xff\xff\xff\xff", pixels.rgba, 4);
        sok_pixels_done(&pixels);
    }
}

static void a_text_that_unpacks_to_megabytes_is_never_unpacked(void **state)
{
    BUFFERS;
    make_odd_png(16, 8, PNG_COLOR_TYPE_RGB, 40 << 20, &in);
    assert_true(in.len < 1 << 20);
    assert_int_equal(SOK_PICTURE_OK, convert(&in, &out));
    assert_true(out.len < 4096);
}

static void a_progressive_jpeg_has_a_limit_of_scans(void **state)
{
    BUFFERS;
    make_progressive(64, false, &in);
    assert_int_equal(SOK_PICTURE_OK, convert(&in, &out));
    sok_buf_clear(&in);
    make_progressive(64, true, &in);
    assert_int_equal(SOK_PICTURE_TOO_COMPLEX, convert(&in, &out));
}

static void too_many_pixels_are_refused_before_any_is_read(void **state)
{
    BUFFERS;
    make_jpeg(4001, 2, &in);
    assert_int_equal(SOK_PICTURE_TOO_BIG, convert(&in, &out));
    sok_buf_clear(&in);
    make_png(4001, 2, &in);
    assert_int_equal(SOK_PICTURE_TOO_BIG, convert(&in, &out));
    // A header that promises much, with nothing behind it.
    memcpy(in.data + 16, "\0\0\x0f\xa0\0\0\x0f\xa0", 8);
    assert_int_equal(SOK_PICTURE_TOO_BIG, convert(&in, &out));
    memcpy(in.data + 16, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    assert_int_equal(SOK_PICTURE_TOO_BIG, convert(&in, &out));
    memcpy(in.data + 16, "\0\0\0\0\0\0\0\1", 8);
    assert_int_equal(SOK_PICTURE_BROKEN, convert(&in, &out));
}

static void a_picture_that_ends_too_early_is_broken(void **state)
{
    for (int kind = 0; kind < 2; kind++) {
        BUFFERS;
        (kind ? make_png : make_jpeg)(300, 200, &in);
        size_t whole = in.len;
        for (in.len = 9; in.len < whole; in.len += 1 + whole / 200)
            assert_int_equal(SOK_PICTURE_BROKEN, convert(&in, &out));
    }
}

static void broken_pictures_do_no_harm(void **state)
{
    for (int kind = 0; kind < 3; kind++) {
        SOK_BUF_AUTO whole;
        sok_buf_init(&whole, 1 << 20);
        if (kind == 2)
            make_progressive(64, false, &whole);
        else
            (kind ? make_png : make_jpeg)(64, 48, &whole);
        for (unsigned seed = 1; seed <= 400; seed++) {
            BUFFERS;
            sok_buf_append(&in, whole.data, whole.len);
            for (unsigned i = 0, at = seed * 7919; i < 1 + seed % 9; i++, at = at * 1103515245u + 12345u)
                in.data[(at >> 8) % whole.len] = (char)(at >> 3);
            (void)convert(&in, &out); // ASan says whether it did harm
        }
    }
}

// --- Through the child

static const char *program(void)
{
    const char *name = getenv("SOKOUL_PROBE");
    if (!name)
        skip();
    return name;
}

static void the_child_makes_what_it_promises(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_picture made;
    struct sok_error err = {0};
    BUFFERS;
    make_png(900, 600, &in);
    assert_ok(sok_picture_make(arena, program(), in.data, in.len, &made, &err));
    assert_true(made.is_png && sok_picture_is_png(made.bytes, made.len));
    sok_buf_clear(&in);
    make_jpeg(900, 600, &in);
    assert_ok(sok_picture_make(arena, program(), in.data, in.len, &made, &err));
    assert_true(!made.is_png && sok_picture_is_jpeg(made.bytes, made.len));
}

static void what_is_no_picture_is_a_clear_error(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    static char zeros[1024], *long_one;
    long_one = calloc(1, SOK_PICTURE_BYTES_MAX + 1);
    memcpy(long_one, "\xff\xd8\xff", 3);
    BUFFERS;
    make_progressive(64, true, &in);
    const struct {
        const char *bytes;
        size_t len;
        enum sok_status status;
        const char *says;
    } rows[] = {
        {"", 0, SOK_INVALID, "JPEG or a PNG"},
        {"GIF89a\1\0\1\0", 10, SOK_INVALID, "JPEG or a PNG"},
        {"<svg xmlns=", 11, SOK_INVALID, "JPEG or a PNG"},
        {zeros, sizeof(zeros), SOK_INVALID, "JPEG or a PNG"},
        {"\xff\xd8\xff\xe0 and so on", 14, SOK_INVALID, "damaged"},
        {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\2\0\0\0", 29, SOK_INVALID, "40 million"},
        {long_one, SOK_PICTURE_BYTES_MAX, SOK_INVALID, "damaged"},
        {long_one, SOK_PICTURE_BYTES_MAX + 1, SOK_TOO_LARGE, "limit"},
        {in.data, in.len, SOK_INVALID, "too much work"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_picture made;
        struct sok_error err = {0};
        assert_int_equal(
            rows[i].status, sok_picture_make(arena, program(), rows[i].bytes, rows[i].len, &made, &err));
        if (!strstr(err.message, rows[i].says))
            fail_msg("%zu: %s", i, err.message);
    }
    free(long_one);
}

static void a_child_that_cannot_be_had_is_our_trouble_and_not_the_pictures(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_picture made;
    struct sok_error err = {0};
    BUFFERS;
    make_png(9, 9, &in);
    assert_int_equal(
        SOK_UNAVAILABLE, sok_picture_make(arena, "/nonexistent/probe", in.data, in.len, &made, &err));
    assert_int_equal(SOK_INVALID, sok_picture_make(arena, "/bin/true", in.data, in.len, &made, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_scaled_down_and_keeps_its_shape),
        cmocka_unit_test(the_picture_is_turned_as_its_camera_says_and_the_metadata_is_gone),
        cmocka_unit_test(orientation_is_read_from_either_byte_order_and_never_beyond_the_end),
        cmocka_unit_test(what_cannot_be_seen_has_no_colour),
        cmocka_unit_test(every_kind_of_png_is_read),
        cmocka_unit_test(a_text_that_unpacks_to_megabytes_is_never_unpacked),
        cmocka_unit_test(a_progressive_jpeg_has_a_limit_of_scans),
        cmocka_unit_test(too_many_pixels_are_refused_before_any_is_read),
        cmocka_unit_test(a_picture_that_ends_too_early_is_broken),
        cmocka_unit_test(broken_pictures_do_no_harm),
        cmocka_unit_test(the_child_makes_what_it_promises),
        cmocka_unit_test(what_is_no_picture_is_a_clear_error),
        cmocka_unit_test(a_child_that_cannot_be_had_is_our_trouble_and_not_the_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
