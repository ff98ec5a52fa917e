// The one fact of a picture's metadata that is kept: which way is up (Exif 2.3, tag 0x0112 of the first IFD).
#include "services/uploads/picture_codec.h"

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define ENTRY_BYTES 12

struct tiff {
    const uint8_t *bytes;
    size_t len;
    bool is_big_endian;
};

// 0 behind the end: no field means anything with that value here.
static uint32_t read_number(const struct tiff *tiff, size_t at, size_t bytes)
{
    uint32_t value = 0;
    if (at > tiff->len || tiff->len - at < bytes)
        return 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | tiff->bytes[at + (tiff->is_big_endian ? i : bytes - 1 - i)];
    return value;
}

int sok_exif_orientation(const uint8_t *bytes, size_t len)
{
    struct tiff tiff = {bytes, len, len && bytes[0] == 'M'};
    if (len < 8 || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M') ||
        read_number(&tiff, 2, 2) != 42)
        return 1;
    size_t at = read_number(&tiff, 4, 4);
    size_t count = read_number(&tiff, at, 2);
    for (size_t i = 0; i < count; i++) {
        size_t entry = at + 2 + i * ENTRY_BYTES;
        if (entry >= len)
            break;
        if (read_number(&tiff, entry, 2) != TAG_ORIENTATION || read_number(&tiff, entry + 2, 2) != TYPE_SHORT)
            continue;
        uint32_t value = read_number(&tiff, entry + 8, 2);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}
