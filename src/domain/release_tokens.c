#include "domain/release_private.h"

#include <string.h>

#include "base/text.h"

// Where a separator of several bytes stands, what it counts as.
static const struct {
    const char *bytes;
    char as;
} wide_separators[] = {
    {"\xc2\xa0", ' '}, {"–", '-'},  {"—", '-'},  {"−", '-'},  {"·", ' '},
    {"•", ' '},        {"【", '['}, {"】", ']'}, {"「", '['}, {"」", ']'},
    {"『", '['},       {"』", ']'}, {"（", '('}, {"）", ')'}, {"★", ' '},
    {"☆", ' '},        {"、", ' '}, {"。", ' '}, {"：", ':'}, {"\xe2\x80\x8b", ' '},
    {"　", ' '},       {"／", '/'}, {"｜", '|'}, {"«", '"'},  {"»", '"'},
    {"“", '"'},        {"”", '"'},  {"～", '~'}, {"№", ' '},  {"，", ','},
    {"™", ' '},
};

static int wide_separator(const char *text, char *ret_as)
{
    unsigned char first = (unsigned char)*text;
    if (first != 0xc2 && first != 0xe2 && first != 0xe3 && first != 0xef)
        return 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(wide_separators); i++) {
        if (sok_text_starts(text, wide_separators[i].bytes)) {
            *ret_as = wide_separators[i].as;
            return (int)strlen(wide_separators[i].bytes);
        }
    }
    return 0;
}

static struct sok_token *add_token(struct sok_scan *scan)
{
    size_t capacity = (size_t)scan->capacity;
    scan->tokens =
        sok_grow_array(scan->arena, scan->tokens, &capacity, (size_t)scan->count + 1, sizeof(*scan->tokens));
    scan->capacity = (int)capacity;
    struct sok_token *token = &scan->tokens[scan->count++];
    *token = (struct sok_token){0};
    return token;
}

#define BRACKETS_MAX 128

struct cut {
    int open[16]; // the brackets we are in
    int depth;
    char before;
};

static char closes(char c)
{
    return c == ')' ? '(' : c == ']' ? '[' : c == '}' ? '{' : 0;
}

static void see_separator(struct sok_scan *scan, struct cut *cut, char c, int at)
{
    if ((c == '(' || c == '[' || c == '{') && scan->bracket_count < BRACKETS_MAX &&
        cut->depth < (int)SOK_ARRAY_LEN(cut->open)) {
        scan->brackets[++scan->bracket_count] =
            (struct sok_bracket){.open = at, .close = scan->len, .kind = c};
        cut->open[cut->depth++] = scan->bracket_count;
    } else if (closes(c)) {
        // A bracket that closes an outer one closes what was left open within.
        for (int d = cut->depth - 1; d >= 0; d--) {
            if (scan->brackets[cut->open[d]].kind == closes(c)) {
                while (cut->depth > d)
                    scan->brackets[cut->open[--cut->depth]].close = at;
                break;
            }
        }
    }
}

// An apostrophe between letters belongs to the word: "Director's".
static bool inner_apostrophe(const struct sok_scan *scan, int at)
{
    return scan->text[at] == '\'' && at > 0 && sok_is_letter(scan->text[at - 1]) &&
           sok_is_letter(scan->text[at + 1]);
}

void sok_scan_tokens(struct sok_scan *scan)
{
    struct cut cut = {0};
    struct sok_token *token = NULL;
    scan->brackets = sok_alloc_array(scan->arena, BRACKETS_MAX + 1, sizeof(*scan->brackets));
    for (int at = 0; at < scan->len;) {
        char as = scan->text[at];
        int wide = wide_separator(scan->text + at, &as);
        if (!wide && (sok_is_word(as) || inner_apostrophe(scan, at))) {
            if (!token) {
                token = add_token(scan);
                token->start = at;
                token->before = cut.before;
                token->bracket = cut.depth ? cut.open[cut.depth - 1] : 0;
            }
            at++;
            token->len = at - token->start;
            continue;
        }
        if (token)
            token->after = as;
        token = NULL;
        see_separator(scan, &cut, as, at);
        cut.before = as;
        at += wide ? wide : 1;
    }
}

void sok_scan_split(struct sok_scan *scan, int index, int len)
{
    if (len <= 0 || len >= scan->tokens[index].len)
        return;
    add_token(scan);
    memmove(
        scan->tokens + index + 2, scan->tokens + index + 1,
        (size_t)(scan->count - index - 2) * sizeof(*scan->tokens));
    struct sok_token *first = &scan->tokens[index], *rest = &scan->tokens[index + 1];
    *rest = *first;
    rest->start += len;
    rest->len -= len;
    rest->before = SOK_GLUED;
    rest->joined = false;
    first->len = len;
    first->after = SOK_GLUED;
}

int sok_scan_token_at(const struct sok_scan *scan, int offset)
{
    int low = 0, high = scan->count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (scan->tokens[middle].start < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int sok_scan_claim(struct sok_scan *scan, int from, int to, enum sok_tag tag)
{
    int index = sok_scan_token_at(scan, from);
    if (index > 0 && scan->tokens[index - 1].start + scan->tokens[index - 1].len > from) {
        sok_scan_split(scan, index - 1, from - scan->tokens[index - 1].start);
        index = sok_scan_token_at(scan, from);
    }
    for (; index < scan->count && scan->tokens[index].start < to; index++) {
        struct sok_token *token = &scan->tokens[index];
        if (token->start + token->len > to) {
            sok_scan_split(scan, index, to - token->start);
            token = &scan->tokens[index];
        }
        token->tag = tag;
        token->flags = 0;
        token->value = NULL;
    }
    return index;
}

int sok_read_digits(const char *text, int max_digits, int *ret_number)
{
    int n = 0, number = 0;
    while (sok_is_digit(text[n])) {
        if (n == max_digits)
            return 0;
        number = number * 10 + (text[n++] - '0');
    }
    if (n)
        *ret_number = number;
    return n;
}

void sok_words_add(struct sok_words *words, const char *word)
{
    if (words->count < SOK_RELEASE_WORDS_MAX && !sok_words_has(words, word))
        words->item[words->count++] = word;
}
