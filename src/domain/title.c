// Titles made comparable. The key is a list of words: everything that differs between two spellings of one
// title (case, accents, punctuation, "&", Roman numerals, a leading article) is gone from it, everything that
// differs between two titles ("Alien", "Aliens", "Alien 3") is still there.
#include "domain/match.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TITLE_BYTES_MAX 1024
#define WORDS_MAX 64

struct words {
    const char *item[WORDS_MAX];
    int count;
};

static bool is_word_byte(unsigned char c)
{
    return c >= 0x80 || isalnum(c);
}

// General punctuation, CJK punctuation and full-width forms part words as ASCII punctuation does.
static size_t wide_punctuation(const char *text)
{
    static const char *const marks[] = {"–",  "—",  "…",  "·",  "“",  "”",  "„",  "«",  "»",  "、",
                                        "。", "・", "「", "」", "『", "』", "【", "】", "（", "）",
                                        "：", "！", "？", "，", "～", "‐",  "‑",  "¿",  "¡"};
    for (size_t i = 0; (unsigned char)*text >= 0x80 && i < SOK_ARRAY_LEN(marks); i++)
        if (sok_text_starts(text, marks[i]))
            return strlen(marks[i]);
    return 0;
}

static void add_word(struct sok_arena *arena, struct words *words, const char *start, size_t len)
{
    if (len && words->count < WORDS_MAX)
        words->item[words->count++] = sok_strndup(arena, start, len);
}

// Apostrophes vanish ("Ocean's" is "oceans"), other punctuation parts words.
static void split(struct sok_arena *arena, char *text, struct words *words)
{
    char *start = text, *end = text;
    for (char *at = text; *at;) {
        size_t wide = wide_punctuation(at);
        if (!wide && is_word_byte((unsigned char)*at)) {
            *end++ = *at++;
        } else if (*at == '\'' || *at == '`') {
            at++;
        } else {
            add_word(arena, words, start, (size_t)(end - start));
            if (*at == '&')
                add_word(arena, words, "and", 3);
            at += wide ? wide : 1;
            start = end = at;
        }
    }
    add_word(arena, words, start, (size_t)(end - start));
}

static bool is_single_letter(const char *word)
{
    return isalpha((unsigned char)word[0]) && !word[1];
}

// S.H.I.E.L.D. is one word, however it is separated; "a" and "i" alone stay words.
static void join_initials(struct sok_arena *arena, struct words *words)
{
    int out = 0;
    for (int i = 0; i < words->count;) {
        int run = 0;
        while (i + run < words->count && is_single_letter(words->item[i + run]))
            run++;
        if (run < 2) {
            words->item[out++] = words->item[i++];
            continue;
        }
        char *joined = sok_alloc(arena, (size_t)run + 1);
        for (int k = 0; k < run; k++)
            joined[k] = words->item[i + k][0];
        words->item[out++] = joined;
        i += run;
    }
    words->count = out;
}

static bool one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static bool counts_parts(const char *word)
{
    static const char *const list[] = {"part", "chapter", "volume", "vol", "episode", "book", "teil", NULL};
    return one_of(word, list);
}

static const char *digits_of(const char *word, const char *before, bool last)
{
    static const char *const roman[] = {"",  "i",  "ii",  "iii",  "iv",  "v",  "vi",  "vii",  "viii", "ix",
                                        "x", "xi", "xii", "xiii", "xiv", "xv", "xvi", "xvii", "xviii"};
    static const char *const digits[] = {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8", "9",
                                         "10", "11", "12", "13", "14", "15", "16", "17", "18"};
    static const char *const spelt[] = {"",    "one",   "two",   "three", "four", "five",
                                        "six", "seven", "eight", "nine",  "ten"};
    for (size_t i = 1; i < SOK_ARRAY_LEN(roman); i++)
        if (strcmp(word, roman[i]) == 0 && (word[1] || counts_parts(before) || (last && *word != 'i')))
            return digits[i];
    for (size_t i = 1; counts_parts(before) && i < SOK_ARRAY_LEN(spelt); i++)
        if (strcmp(word, spelt[i]) == 0)
            return digits[i];
    return word;
}

static bool is_article(const char *word)
{
    static const char *const list[] = {"the", "a",   "an", "le", "la",  "les", "el", "los", "las", "der",
                                       "die", "das", "il", "lo", "gli", "o",   "os", "as",  NULL};
    return one_of(word, list);
}

static void read_words(struct sok_arena *arena, const char *title, struct words *words)
{
    words->count = 0;
    char *cut = sok_strndup(arena, title, strnlen(title, TITLE_BYTES_MAX));
    split(arena, sok_text_fold(arena, cut), words);
    join_initials(arena, words);
    // A first word is a name ("V", "X-Men", "IV"), never a count.
    for (int i = words->count - 1; i > 0; i--) {
        words->item[i] = digits_of(words->item[i], words->item[i - 1], i == words->count - 1);
        if (strcmp(words->item[i], "volume") == 0)
            words->item[i] = "vol";
    }
    if (words->count > 1 && is_article(words->item[0])) {
        words->count--;
        memmove(words->item, words->item + 1, (size_t)words->count * sizeof(words->item[0]));
    } else if (words->count > 1 && is_article(words->item[words->count - 1]) && strchr(title, ',')) {
        words->count--; // "Matrix, The"
    }
}

static char *join(struct sok_arena *arena, const struct words *words, const char *between)
{
    size_t len = 1, gap = strlen(between);
    for (int i = 0; i < words->count; i++)
        len += strlen(words->item[i]) + gap;
    char *text = sok_alloc(arena, len), *at = text;
    for (int i = 0; i < words->count; i++) {
        if (i) {
            memcpy(at, between, gap);
            at += gap;
        }
        size_t word_len = strlen(words->item[i]);
        memcpy(at, words->item[i], word_len);
        at += word_len;
    }
    return text;
}

char *sok_title_key(struct sok_arena *arena, const char *title)
{
    struct words words;
    read_words(arena, title ? title : "", &words);
    return join(arena, &words, " ");
}

static bool has_digit(const char *word)
{
    return strpbrk(word, "0123456789") != NULL;
}

// Words with digits tell sequels apart: they must be the same ones.
static bool same_numbers(const struct words *a, const struct words *b)
{
    int i = 0, k = 0;
    for (;;) {
        while (i < a->count && !has_digit(a->item[i]))
            i++;
        while (k < b->count && !has_digit(b->item[k]))
            k++;
        if (i == a->count || k == b->count)
            return i == a->count && k == b->count;
        if (strcmp(a->item[i++], b->item[k++]) != 0)
            return false;
    }
}

// Whether one slip of the fingers (a letter wrong, missing, too many, or two swapped) makes a out of b. A
// last letter is no slip: "Alien" is not "Aliens".
static bool one_slip(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b), head = 0, tail = 0;
    size_t shorter = a_len < b_len ? a_len : b_len;
    if (shorter < 7 || (a_len > b_len ? a_len - b_len : b_len - a_len) > 1)
        return false;
    while (head < shorter && a[head] == b[head])
        head++;
    while (tail < shorter - head && a[a_len - 1 - tail] == b[b_len - 1 - tail])
        tail++;
    size_t a_left = a_len - head - tail, b_left = b_len - head - tail;
    if (!tail)
        return false;
    if (a_left <= 1 && b_left <= 1)
        return true;
    return a_left == 2 && b_left == 2 && a[head] == b[head + 1] && a[head + 1] == b[head];
}

// Letters in words that stand in both, against all letters: 2c / (a + b).
static double overlap(const struct words *a, const struct words *b)
{
    bool taken[WORDS_MAX] = {false};
    size_t common = 0, total = 0;
    for (int i = 0; i < a->count; i++) {
        total += strlen(a->item[i]);
        for (int k = 0; k < b->count; k++) {
            if (!taken[k] && strcmp(a->item[i], b->item[k]) == 0) {
                taken[k] = true;
                common += strlen(b->item[k]);
                break;
            }
        }
    }
    for (int k = 0; k < b->count; k++)
        total += strlen(b->item[k]);
    return total ? 2.0 * (double)common / (double)total : 0;
}

double sok_title_similarity(struct sok_arena *arena, const char *a, const char *b)
{
    struct words x, y;
    read_words(arena, a ? a : "", &x);
    read_words(arena, b ? b : "", &y);
    if (!x.count || !y.count)
        return 0;
    const char *x_joined = join(arena, &x, ""), *y_joined = join(arena, &y, "");
    if (strcmp(join(arena, &x, " "), join(arena, &y, " ")) == 0)
        return 1;
    if (strcmp(x_joined, y_joined) == 0)
        return 0.98; // "Spider-Man", "Spiderman"
    if (!same_numbers(&x, &y)) {
        double like = overlap(&x, &y);
        return like < 0.5 ? like : 0.5;
    }
    if (one_slip(x_joined, y_joined))
        return 0.92;
    double like = overlap(&x, &y);
    return like < 0.9 ? like : 0.9;
}
