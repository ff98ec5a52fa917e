// The inside of the release-name parser: what its files share. Only domain/release*.c include this.
//
// A name becomes tokens (runs of letters and digits); each token is claimed by what it was recognised as. In
// the order of work: release_tokens.c cuts; release_numbers.c with release_codes.c, release_words.c and
// release_dates.c claims seasons, episodes and dates; release_tags.c claims the words that release_tables.c
// knows; release_bare.c finds years and numbers that stand alone; release_title.c and release_group.c read
// what is left over; release.c puts it together.
#ifndef SOK_DOMAIN_RELEASE_PRIVATE_H
#define SOK_DOMAIN_RELEASE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "domain/release.h"

enum sok_tag {
    TAG_NONE,
    TAG_SOURCE,
    TAG_VIDEO,
    TAG_AUDIO,
    TAG_CHANNELS,
    TAG_HDR,
    TAG_RESOLUTION,
    TAG_DEPTH,
    TAG_EDITION,
    TAG_LANGUAGE,
    TAG_SUBTITLE,
    TAG_PROPER,
    TAG_REPACK,
    TAG_VERSION,
    TAG_CONTAINER,
    TAG_COMPLETE,
    TAG_HARDSUB,
    TAG_THREE_D,
    TAG_PASSWORD,
    TAG_OTHER, // known, but no field of its own: internal, NTSC, a shop's name
    TAG_SITE,  // who passed it on: eztv, a web address
    TAG_CRC,
    TAG_YEAR,
    TAG_DATE,
    TAG_EPISODE, // season or episode
};

#define SOK_GLUED 1 // in place of a separator where one token was parted in two

enum {
    FLAG_WEAK = 1,  // also an ordinary word: counts only beside or behind surer ones
    FLAG_UPPER = 2, // counts only when written in capitals
    FLAG_SUBS = 4,  // a word for subtitles: makes the language beside it one of subtitles
};

struct sok_phrase {
    const char *key;   // squashed: lower case, letters and digits only
    const char *value; // what the field says; several words parted by a blank
    unsigned char tag, flags;
};

// The row for this squashed text, or NULL.
const struct sok_phrase *sok_release_phrase(const char *key, size_t len);
bool sok_release_is_container(const char *lower, size_t len);

// Rows of the table in order, for the test that it is sorted.
const struct sok_phrase *sok_release_phrases(size_t *ret_count);

struct sok_token {
    int start, len; // in `text` and `lower`
    int bracket;    // which bracket it lies in: 0 none, else the number of the opening one
    char before;    // the separator directly before; 0 at the start of the name, SOK_GLUED: none
    char after;     // directly behind; 0 at the end
    unsigned char tag, flags;
    bool joined;       // belongs to the token before (a phrase of several)
    const char *value; // of the tag
};

struct sok_scan {
    struct sok_arena *arena;
    const char *text;  // clean UTF-8
    const char *lower; // the same length
    int len;
    struct sok_token *tokens;
    int count, capacity;
    struct sok_bracket {
        int open, close; // offsets of the bracket characters
        char kind;       // ( [ {
    } * brackets;        // [1 ...]
    int bracket_count;
    const char *container;
    const char *leading_group; // [Group] at the start
    int title_first;           // token
    int first_number;          // first token of season, episode, date; count if none
    int last_number;           // behind the last one of the first run; 0 if none
    int year_token;            // -1: none
    bool no_capitals;
    int tech; // first token of the technical part; count if none
    struct sok_release *out;
};

// Cuts `text` into tokens.
void sok_scan_tokens(struct sok_scan *scan);

// Parts token `index` after `len` bytes of it; the rest becomes the next token.
void sok_scan_split(struct sok_scan *scan, int index, int len);

// The token that begins at this offset or later; count if none.
int sok_scan_token_at(const struct sok_scan *scan, int offset);

// Claims all tokens in the bytes [from, to) and parts those that reach over the ends. Returns the index of
// the first token behind them.
int sok_scan_claim(struct sok_scan *scan, int from, int to, enum sok_tag tag);

void sok_scan_tags(struct sok_scan *scan);         // known words
void sok_scan_numbers(struct sok_scan *scan);      // seasons, episodes, dates
void sok_scan_leading(struct sok_scan *scan);      // what stands in front of the title
void sok_scan_year(struct sok_scan *scan);         // the year
void sok_scan_bounds(struct sok_scan *scan);       // where title and technical part are; drops weak words
void sok_scan_bare_numbers(struct sok_scan *scan); // "Show - 05", "show.102.hdtv"
void sok_scan_fields(struct sok_scan *scan);       // the fields from the claimed words
void sok_scan_title(struct sok_scan *scan);        // title, episode title
void sok_scan_group(struct sok_scan *scan);

static inline bool sok_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool sok_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static inline bool sok_is_word(char c)
{
    return sok_is_digit(c) || sok_is_letter(c);
}

// Reads digits at `text`, at most max_digits (more: 0 read). Returns how many; *ret_number is set when > 0.
int sok_read_digits(const char *text, int max_digits, int *ret_number);

static inline int sok_token_end(const struct sok_token *token)
{
    return token->start + token->len;
}

// The bytes as they stand, without separators at the ends.
char *sok_scan_slice(const struct sok_scan *scan, int from, int to);
void sok_scan_unclaim(struct sok_scan *scan, int index);

static inline bool sok_is_year(int number)
{
    return number >= 1900 && number <= 2035;
}

// --- Between the files that read numbers. `at` points into scan->lower.

const char *sok_scan_at(const struct sok_scan *scan, int index); // where a token begins
// Claims the bytes as season or episode and moves first_number and last_number.
void sok_scan_claim_number(struct sok_scan *scan, const char *from, const char *to);
const char *sok_skip(const char *at, const char *set, int most); // over at most `most` bytes of the set
bool sok_ends_word(const char *at);
bool sok_word_in(const char *at, int len, const char *const *list);
// Behind an episode number: a part letter ("23a") or a version ("05v2"), which is noted, may follow.
const char *sok_episode_tail(struct sok_scan *scan, const char *at);
int sok_season_digits(const char *at, int *ret_number); // as sok_read_digits; O may stand for 0

bool sok_scan_codes(struct sok_scan *scan); // true: an episode was found
void sok_scan_season_words(struct sok_scan *scan, bool episode_known);
void sok_scan_episode_words(struct sok_scan *scan);
void sok_scan_date(struct sok_scan *scan);

// Adds to out->episodes or the like in ascending order, without doubles, up to SOK_RELEASE_NUMBERS_MAX.
void sok_scan_add_number(struct sok_scan *scan, struct sok_numbers *list, int number);
void sok_scan_add_range(struct sok_scan *scan, struct sok_numbers *list, int first, int last);
void sok_scan_add_season(struct sok_scan *scan, int season);

void sok_words_add(struct sok_words *words, const char *word);

#endif
