// How alike a title and what somebody typed are: typing errors, missing words and the like forgiven. Every
// text here is folded (sok_text_fold) and valid UTF-8; nothing is allocated.
#ifndef SOK_BASE_SIMILAR_H
#define SOK_BASE_SIMILAR_H

#include <stdbool.h>
#include <stddef.h>

// Bytes of the character, and of the three characters, at `text`; 0 when there are fewer than three.
size_t sok_char_bytes(const char *text);
size_t sok_trigram_bytes(const char *text);

// The share of the text's trigrams that the title has, 0-1. 0 for a text without any.
double sok_trigram_share(const char *title, const char *text);

// How well one title answers the text: 4 it is the text, 3-4 it begins with it, 2-3 it holds it, below that
// how alike they are; of two alike the closer in length. 0: not at all.
double sok_title_rank(const char *title, const char *text);

// The best rank among several titles, one a line.
double sok_titles_rank(const char *titles, const char *text);

// Whether it is a word of three to six letters, short enough for one error to leave no trigram of it.
bool sok_is_short_word(const char *text);

// Whether one of the titles (one a line) is the short word but for one letter that is wrong, missing, too
// many or has changed places with its neighbour.
bool sok_titles_nearly(const char *titles, const char *word);

// Whether all of it is of scripts that put no blanks between words (Chinese, Japanese, Thai, ...).
bool sok_text_runs_on(const char *text);

// Whether any of the titles (one a line) answers the text: a text of one or two characters must begin a word.
bool sok_titles_match(const char *titles, const char *text);

#endif
