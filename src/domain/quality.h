// What makes one picture better than another, and the profile in which a household says what it wants.
#ifndef SOK_DOMAIN_QUALITY_H
#define SOK_DOMAIN_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "domain/release.h"

#define SOK_QUALITY_WORDS_MAX 24
#define SOK_QUALITY_WORD_BYTES 32 // with the NUL

struct sok_quality_words {
    int count; // 0: no wish
    char item[SOK_QUALITY_WORDS_MAX][SOK_QUALITY_WORD_BYTES];
};

// The wishes an admin sets (PUT /admin/settings, quality_profile). Zero-initialised is not valid: start from
// sok_quality_profile_default.
struct sok_quality_profile {
    int min_height, preferred_height, max_height; // lines of the picture: 480 ... 4320
    bool allow_cam;                               // cinema recordings may score like other releases
    bool prefer_hevc, prefer_hdr, prefer_surround;
    int min_size_mib_h, max_size_mib_h; // plausible MiB per hour of film; 0: worked out from the resolution
    struct sok_quality_words languages; // ISO 639-1 that somebody here understands ("pt", "pt-br")
    struct sok_quality_words preferred_sources, preferred_codecs; // words of domain/release.h
    struct sok_quality_words banned_words; // a release with one of them in its name never scores well
};

// 1080p preferred, 480p to 2160p accepted, no cinema recordings, any language.
void sok_quality_profile_default(struct sok_quality_profile *ret_profile);

// The fields as a table: what a profile can say, in which limits, and what it does.
struct sok_quality_field {
    const char *key; // "preferred_height"
    enum sok_quality_kind { SOK_QUALITY_NUMBER, SOK_QUALITY_FLAG, SOK_QUALITY_WORDS } kind;
    size_t offset;       // in struct sok_quality_profile
    int min, max;        // of a number
    const char *pattern; // of the words, for people: "en, pt-br"
    const char *help;
};
const struct sok_quality_field *sok_quality_fields(size_t *ret_count);

// Reads an object of these fields (numbers, true/false, lists of words); what is absent keeps its default.
// SOK_INVALID with one field error a wrong or unknown field.
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

// Whether the list has this word (any case). NULL: false.
bool sok_quality_words_have(const struct sok_quality_words *words, const char *word);

// The first of the words that stands in the name as a whole word ("hc" is in "Film.HC.1080p", not in "Which";
// "hard sub" in "Film.Hard-Sub"); NULL when none does.
const char *sok_quality_find_banned(
    struct sok_arena *arena, const struct sok_quality_words *words, const char *name);

// One number for the picture as a whole, 0-1000, the same for the same words: resolution first, then source,
// then codec, HDR, repack. media_files.quality_score is this divided by 10.
int sok_quality_of(const struct sok_release *release);

#endif
