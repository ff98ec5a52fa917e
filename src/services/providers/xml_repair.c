#include "services/providers/xml_repair.h"

#include <ctype.h>
#include <string.h>

// HTML 4's names of the characters 160 to 255, in order.
static const char *const latin1_names[96] = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",
    "ordf",   "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",
    "acute",  "micro",  "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12",
    "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil",
    "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde",
    "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",
    "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",
    "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",
    "eth",    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave",
    "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml",
};

static const struct {
    const char *name;
    int code;
} other_names[] = {
    {"OElig", 338},   {"oelig", 339},   {"Scaron", 352},  {"scaron", 353},  {"Yuml", 376},   {"fnof", 402},
    {"circ", 710},    {"tilde", 732},   {"Alpha", 913},   {"Beta", 914},    {"Gamma", 915},  {"Delta", 916},
    {"Omega", 937},   {"alpha", 945},   {"beta", 946},    {"gamma", 947},   {"delta", 948},  {"lambda", 955},
    {"mu", 956},      {"pi", 960},      {"sigma", 963},   {"omega", 969},   {"ensp", 8194},  {"emsp", 8195},
    {"thinsp", 8201}, {"zwnj", 8204},   {"zwj", 8205},    {"ndash", 8211},  {"mdash", 8212}, {"lsquo", 8216},
    {"rsquo", 8217},  {"sbquo", 8218},  {"ldquo", 8220},  {"rdquo", 8221},  {"bdquo", 8222}, {"dagger", 8224},
    {"Dagger", 8225}, {"bull", 8226},   {"hellip", 8230}, {"permil", 8240}, {"prime", 8242}, {"Prime", 8243},
    {"lsaquo", 8249}, {"rsaquo", 8250}, {"euro", 8364},   {"trade", 8482},  {"larr", 8592},  {"uarr", 8593},
    {"rarr", 8594},   {"darr", 8595},   {"harr", 8596},   {"minus", 8722},  {"radic", 8730}, {"infin", 8734},
    {"asymp", 8776},  {"ne", 8800},     {"le", 8804},     {"ge", 8805},     {"loz", 9674},   {"spades", 9824},
    {"clubs", 9827},  {"hearts", 9829}, {"diams", 9830},
};

static bool is_name(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

static int html_code(const char *name, size_t len) // 0: unknown
{
    for (int i = 0; i < 96; i++)
        if (is_name(latin1_names[i], name, len))
            return 160 + i;
    for (size_t i = 0; i < SOK_ARRAY_LEN(other_names); i++)
        if (is_name(other_names[i].name, name, len))
            return other_names[i].code;
    return 0;
}

int sok_xml_entity_code(const char *name, size_t len)
{
    static const char characters[] = "&<>\"'";
    static const char *const known[] = {"amp", "lt", "gt", "quot", "apos"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(known); i++)
        if (is_name(known[i], name, len))
            return characters[i];
    return html_code(name, len);
}

// "#8364" or "#x20ac": whether XML allows that character.
static bool is_allowed_number(const char *text, size_t len)
{
    long code = 0;
    bool hex = len > 1 && (text[1] == 'x' || text[1] == 'X');
    size_t from = hex ? 2 : 1;
    for (size_t i = from; i < len; i++) {
        int c = tolower((unsigned char)text[i]);
        if (hex ? !isxdigit(c) : !isdigit(c))
            return false;
        code = code * (hex ? 16 : 10) + (isdigit(c) ? c - '0' : c - 'a' + 10);
        if (code > 0x10ffff)
            return false;
    }
    return len > from && (code == 9 || code == 10 || code == 13 || (code >= 0x20 && code < 0xd800) ||
                          (code >= 0xe000 && code != 0xfffe && code != 0xffff));
}

// The length of the name in "name;" at `at`, 0 if there is none.
static size_t name_length(const char *at, const char *end)
{
    size_t len = 0;
    while (at + len < end && len < 12 && (isalnum((unsigned char)at[len]) || at[len] == '#'))
        len++;
    return at + len < end && at[len] == ';' ? len : 0;
}

// Writes what stands at the ampersand `at`; returns the first byte behind what it read.
static const char *repair_entity(const char *at, const char *end, struct sok_buf *text)
{
    const char *name = at + 1;
    size_t len = name_length(name, end);
    if (len && *name == '#') {
        if (name[1] == 'X' && is_allowed_number(name, len)) // XML knows the small x only
            sok_buf_printf(text, "&#x%.*s;", (int)len - 2, name + 2);
        else if (is_allowed_number(name, len))
            sok_buf_append(text, at, len + 2);
        return name + len + 1;
    }
    int code = len ? sok_xml_entity_code(name, len) : 0;
    if (code && code < 0x80) {
        sok_buf_append(text, at, len + 2);
    } else if (code) {
        sok_buf_printf(text, "&#%d;", code);
    } else {
        sok_buf_puts(text, "&amp;");
        return name;
    }
    return name + len + 1;
}

static const char *find(const char *at, const char *end, const char *mark)
{
    const char *found = memmem(at, (size_t)(end - at), mark, strlen(mark));
    return found ? found + strlen(mark) : end;
}

static bool begins(const char *at, const char *end, const char *mark)
{
    return (size_t)(end - at) >= strlen(mark) && memcmp(at, mark, strlen(mark)) == 0;
}

static void copy_without_controls(const char *at, const char *end, struct sok_buf *text)
{
    while (at < end) {
        const char *from = at;
        while (at < end && ((unsigned char)*at >= 0x20 || *at == '\t' || *at == '\n' || *at == '\r'))
            at++;
        sok_buf_append(text, from, (size_t)(at - from));
        while (at < end && (unsigned char)*at < 0x20 && *at != '\t' && *at != '\n' && *at != '\r')
            at++;
    }
}

bool sok_xml_repair(const char *bytes, size_t len, struct sok_buf *ret_text)
{
    const char *at = bytes, *end = bytes + len;
    if (begins(at, end, "\xff\xfe") || begins(at, end, "\xfe\xff"))
        return sok_buf_append(ret_text, bytes, len);
    if (begins(at, end, "\xef\xbb\xbf"))
        at += 3;
    while (at < end && isspace((unsigned char)*at)) // nothing may stand before the declaration
        at++;
    while (at < end && !ret_text->overflow) {
        const char *stop = at;
        while (stop < end && *stop != '&' && *stop != '<')
            stop++;
        if (stop == at && *at == '&') {
            at = repair_entity(at, end, ret_text);
            continue;
        }
        if (begins(stop, end, "<![CDATA["))
            stop = find(stop, end, "]]>");
        else if (begins(stop, end, "<!--"))
            stop = find(stop, end, "-->");
        else if (stop == at)
            stop++;
        copy_without_controls(at, stop, ret_text);
        at = stop;
    }
    return !ret_text->overflow;
}
