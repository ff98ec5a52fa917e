// What makes one picture better than another, and the profile in which a household says what it wants.
#ifndef SOK_DOMAIN_QUALITY_H
#define SOK_DOMAIN_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "domain/release.h"

// The wishes an admin sets (PUT /admin/settings, quality_profile). Zero-initialised is not valid: start from
// sok_quality_profile_default.
struct sok_quality_profile {
    int min_height, preferred_height, max_height; // lines of the picture: 480 ... 4320
    bool allow_cam;                               // cinema recordings may score like other releases
    bool prefer_hevc, prefer_hdr, prefer_surround;
    char languages[64];                 // comma-separated ISO 639-1 that somebody here understands; "": any
    int min_size_mib_h, max_size_mib_h; // plausible MiB per hour of film; 0: worked out from the resolution
};

// 1080p preferred, 480p to 2160p accepted, no cinema recordings, any language.
void sok_quality_profile_default(struct sok_quality_profile *ret_profile);

// Reads an object of the fields above; what is absent keeps its default. SOK_INVALID with one field error a
// wrong field.
SOK_MUST_CHECK enum sok_status sok_quality_profile_from_json(
    const json_t *object, struct sok_quality_profile *ret_profile, struct sok_error *err);
json_t *sok_quality_profile_to_json(const struct sok_quality_profile *profile);

// Lines of "1080p"; 0 for NULL and what is no resolution.
int sok_quality_height(const char *resolution);

// Ranks: higher is better, 0 unknown. For sorting and for "is this an upgrade".
int sok_quality_resolution_rank(const char *resolution); // 1 (below 480p) ... 8 (4320p)
int sok_quality_source_rank(const char *source);         // 1 (cam) ... 16 (remux)
int sok_quality_codec_rank(const char *video_codec);     // 1 ... 5 (av1)

// A recording from a cinema or a copy that was never meant to be seen: cam, telesync, telecine, workprint,
// screener.
bool sok_quality_is_cinema_recording(const char *source);

// One number for the picture as a whole, 0-1000, the same for the same words: resolution first, then source,
// then codec, HDR, repack. media_files.quality_score is this divided by 10.
int sok_quality_of(const struct sok_release *release);

#endif
