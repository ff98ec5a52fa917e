// Pictures are strangers' bytes: whatever they are, the reader gives pixels within its limits, or says no.
#include "services/uploads/picture_codec.h"

#include "base/status.h"
#include "services/uploads/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct sok_picture_limits limits = {
        1024, 1 << 18, 64, true}; // small, so that many are tried
    SOK_BUF_AUTO out;
    sok_buf_init(&out, 1 << 20);
    enum sok_picture_result result = sok_picture_convert(data, len, &limits, &out);
    if (result == SOK_PICTURE_OK && !sok_picture_is_jpeg(out.data, out.len) &&
        !sok_picture_is_png(out.data, out.len))
        sok_panic("a result that is no picture");
    (void)sok_exif_orientation(data, len);
    return 0;
}
