// What a release name says: title, year, episodes, picture, sound, group, read from the name alone.
//
// The vocabulary of every text field is fixed (docs: `sokoul parse-release`); texts point to literals or into
// the arena. Pure: no I/O, no clock, no globals; time linear in the length of the name.
#ifndef SOK_DOMAIN_RELEASE_H
#define SOK_DOMAIN_RELEASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/json.h"

#define SOK_RELEASE_NAME_MAX 2048   // bytes of a name that are read; the rest is ignored
#define SOK_RELEASE_NUMBERS_MAX 512 // numbers in one list; a range beyond it is cut
#define SOK_RELEASE_WORDS_MAX 24    // words in one list

struct sok_words {
    const char *item[SOK_RELEASE_WORDS_MAX];
    int count;
};

struct sok_numbers {
    const int *item;
    int count;
};

struct sok_release {
    const char *name;    // the name as given, made clean UTF-8
    const char *title;   // NULL: none found
    const char *country; // behind a title that several countries have: "US", "UK"
    int year;            // 0: not said
    int season;          // the first one; -1: not said, 0: the specials
    struct sok_numbers seasons;
    struct sok_numbers episodes;
    const double *absolute; // episode numbers counted over the whole series
    int absolute_count;
    const char *air_date;   // "2020-01-31"
    const char *resolution; // "480p" ... "2160p", "1080i"
    const char *source; // cam telesync telecine workprint screener ppv vhs dvd sdtv hdtv vod web-dl webrip
                        // hdrip hd-dvd bluray remux
    const char *video_codec;      // h264 hevc vvc av1 vp9 vp8 vp7 xvid divx mpeg2 vc1 wmv realvideo h263
    struct sok_words audio_codec; // aac ac3 eac3 dts dts-hd dts-x truehd atmos flac mp3 mp2 opus vorbis pcm
    struct sok_words channels;    // "5.1"
    struct sok_words hdr;         // dv hdr10+ hdr sdr hlg
    int bit_depth;                // 0: not said
    const char *group;
    bool proper; // corrects an earlier release: PROPER, REPACK, RERIP or REAL
    bool repack;
    int version; // 0: not said
    struct sok_words edition;
    struct sok_words languages;          // ISO 639-1, also pt-br and es-419
    struct sok_words subtitle_languages; // the same
    const char *container;               // "mkv"
    const char *crc32;                   // 8 upper-case hex digits
    const char *type;                    // "movie" or "episode"
    const char *episode_title;
    bool complete; // says that it holds the whole series or season
    bool hardsubs; // subtitles burnt in (HC, KORSUB)
    bool three_d;  // 3D
    bool password; // says that it wants a password
};

// Reads one name (any bytes, also a path: the last part is the name, folders add what it leaves out).
// *ret_release is filled whatever the name is. Texts live as long as the arena.
void sok_release_parse(struct sok_arena *arena, const char *name, struct sok_release *ret_release);

// The same for a name of `len` bytes that need not end in NUL.
void sok_release_parse_bytes(
    struct sok_arena *arena, const char *name, size_t len, struct sok_release *ret_release);

// The release as the object of contract section 7: what the name does not say is absent. The caller's
// reference.
json_t *sok_release_to_json(const struct sok_release *release);

// Whether a list holds this word.
bool sok_words_has(const struct sok_words *words, const char *word);
bool sok_numbers_has(const struct sok_numbers *numbers, int number);

#endif
