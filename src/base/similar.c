// Two measures, since each fails where the other does not. Trigrams forgive missing and swapped words, but
// one wrong letter takes three of them, which is most of a short word. Words compared letter by letter
// forgive a wrong letter in a short word, but not a missing blank.
#include "base/similar.h"

#include <stdint.h>
#include <string.h>

#define SHARE_ENOUGH 0.45  // of the text's trigrams
#define WORTH_READING 0.15 // less of it in common: the words are not compared, unless the text is short
#define SHORT_BYTES 6
#define WORD_MAX 40 // characters; longer words are compared by trigrams only
#define WORDS_MAX 12
#define EDITS_MAX 2 // in the whole text
#define LINE_MAX_BYTES 2000
#define SHORT_WORD_MIN 3 // characters
#define SHORT_WORD_MAX 6 // of a longer one, one error always leaves a trigram

size_t sok_char_bytes(const char *text)
{
    unsigned char lead = (unsigned char)*text;
    size_t wanted = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return strnlen(text, wanted);
}

size_t sok_trigram_bytes(const char *text)
{
    size_t len = 0;
    for (int i = 0; i < 3; i++) {
        if (!text[len])
            return 0;
        len += sok_char_bytes(text + len);
    }
    return len;
}

double sok_trigram_share(const char *title, const char *text)
{
    size_t title_len = strlen(title);
    int total = 0, shared = 0;
    for (const char *at = text; sok_trigram_bytes(at); at += sok_char_bytes(at)) {
        total++;
        shared += memmem(title, title_len, at, sok_trigram_bytes(at)) != NULL;
    }
    return total ? (double)shared / total : 0;
}

struct word {
    uint32_t chars[WORD_MAX];
    int len;
};

static bool is_word_byte(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z');
}

static const char *skip_to_word(const char *text)
{
    while (*text && !is_word_byte(*text))
        text++;
    return text;
}

// Reads the word at `text`; NULL at the end. A character is its bytes as a number: only equality matters.
static const char *next_word(const char *text, struct word *ret)
{
    text = skip_to_word(text);
    if (!*text)
        return NULL;
    ret->len = 0;
    while (*text && is_word_byte(*text)) {
        uint32_t value = 0;
        for (size_t left = sok_char_bytes(text); left; left--)
            value = value << 8 | (unsigned char)*text++;
        if (ret->len < WORD_MAX)
            ret->chars[ret->len++] = value;
    }
    return text;
}

static int smallest(int a, int b, int c)
{
    int least = a < b ? a : b;
    return least < c ? least : c;
}

// Letters wrong, missing, too many or swapped with their neighbour (optimal string alignment).
static int edits_between(const struct word *a, const struct word *b)
{
    int rows[3][WORD_MAX + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (int j = 0; j <= b->len; j++)
        last[j] = j;
    for (int i = 1; i <= a->len; i++) {
        now[0] = i;
        for (int j = 1; j <= b->len; j++) {
            int wrong = a->chars[i - 1] != b->chars[j - 1];
            now[j] = smallest(last[j] + 1, now[j - 1] + 1, last[j - 1] + wrong);
            bool swapped = i > 1 && j > 1 && wrong && a->chars[i - 1] == b->chars[j - 2] &&
                           a->chars[i - 2] == b->chars[j - 1];
            if (swapped && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        int *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b->len];
}

// The fewest edits from the word to one of the title's, or EDITS_MAX + 1. A word of up to three letters has
// to be right, one of up to seven may have one error.
static int edits_to_title(const struct word *word, const char *title)
{
    int allowed = word->len < 4 ? 0 : word->len < 8 ? 1 : EDITS_MAX, best = EDITS_MAX + 1;
    struct word other;
    while (best && (title = next_word(title, &other))) {
        int difference = other.len > word->len ? other.len - word->len : word->len - other.len;
        if (difference > allowed)
            continue;
        int edits = edits_between(word, &other);
        if (edits <= allowed && edits < best)
            best = edits;
    }
    return best;
}

// The edits that make every word of the text one of the title's, or EDITS_MAX + 1.
static int edits_of_words(const char *title, const char *text)
{
    struct word word;
    int sum = 0, count = 0;
    while ((text = next_word(text, &word)) && sum <= EDITS_MAX) {
        if (++count > WORDS_MAX)
            return EDITS_MAX + 1;
        sum += edits_to_title(&word, title);
    }
    return count && sum <= EDITS_MAX ? sum : EDITS_MAX + 1;
}

double sok_title_rank(const char *title, const char *text)
{
    const char *at = strstr(title, text);
    double length = (double)strlen(text) / (double)(strlen(title) + strlen(text) + 1);
    if (strcmp(text, title) == 0)
        return 4;
    if (at)
        return (at == title ? 3 : 2) + length;
    double share = sok_trigram_share(title, text);
    bool is_short = strlen(text) <= SHORT_BYTES; // one error may have left nothing of its trigrams
    int edits = share < WORTH_READING && !is_short ? EDITS_MAX + 1
                : share < 1                        ? edits_of_words(title, text)
                                                   : 0;
    if (edits <= EDITS_MAX && share < 1 - 0.2 * edits)
        share = 1 - 0.2 * edits;
    return share >= SHARE_ENOUGH ? share + length : 0;
}

static bool begins_a_word(const char *title, const char *text)
{
    size_t len = strlen(text);
    for (const char *at = title; *at; at++)
        if (strncmp(at, text, len) == 0 && (at == title || !is_word_byte(at[-1])))
            return true;
    return false;
}

double sok_titles_rank(const char *titles, const char *text)
{
    char line[LINE_MAX_BYTES];
    double best = 0;
    for (const char *at = titles; *at && best < 4;) {
        size_t len = strcspn(at, "\n"), kept = len < sizeof(line) ? len : sizeof(line) - 1;
        memcpy(line, at, kept);
        line[kept] = '\0';
        double rank = len ? sok_title_rank(line, text) : 0;
        best = rank > best ? rank : best;
        at += len + (at[len] == '\n');
    }
    return best;
}

bool sok_is_short_word(const char *text)
{
    struct word word;
    const char *end = is_word_byte(*text) ? next_word(text, &word) : NULL;
    return end && !*end && word.len >= SHORT_WORD_MIN && word.len <= SHORT_WORD_MAX;
}

bool sok_titles_nearly(const char *titles, const char *word)
{
    struct word wanted, other;
    char line[LINE_MAX_BYTES];
    if (!next_word(word, &wanted))
        return false;
    for (const char *at = titles; *at;) {
        size_t len = strcspn(at, "\n");
        if (len && len < sizeof(line)) {
            memcpy(line, at, len);
            line[len] = '\0';
            const char *end = is_word_byte(*line) ? next_word(line, &other) : NULL;
            if (end && !*end && edits_between(&wanted, &other) <= 1)
                return true;
        }
        at += len + (at[len] == '\n');
    }
    return false;
}

bool sok_text_runs_on(const char *text)
{
    static const struct {
        uint32_t first, last; // as UTF-8's bytes, which are in the order of the characters
    } scripts[] = {
        {0xe0b880, 0xe0bbbf},     // Thai, Lao
        {0xe18080, 0xe1829f},     // Burmese
        {0xe19e80, 0xe19fbf},     // Khmer
        {0xe38085, 0xe38087},     // marks that stand for a Chinese character
        {0xe38180, 0xe383bf},     // Hiragana, Katakana
        {0xe39080, 0xe9bfbf},     // Chinese
        {0xefa480, 0xefabbf},     // and its compatibility forms
        {0xf0a08080, 0xf0bfbfbf}, // and its rarer characters
    };
    for (const char *at = text; *at;) {
        uint32_t value = 0;
        bool is_one = false;
        for (size_t left = sok_char_bytes(at); left; left--)
            value = value << 8 | (unsigned char)*at++;
        for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
            is_one |= value >= scripts[i].first && value <= scripts[i].last;
        if (!is_one)
            return false;
    }
    return *text != '\0';
}

bool sok_titles_match(const char *titles, const char *text)
{
    if (!*text)
        return true;
    return sok_trigram_bytes(text) ? sok_titles_rank(titles, text) > 0 : begins_a_word(titles, text);
}
