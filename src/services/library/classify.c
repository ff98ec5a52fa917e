#include "services/library/classify.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define SAMPLE_BYTES_MAX ((int64_t)300 << 20) // "Sample" in a name this large is a title
#define SUBTITLE_BYTES_MAX ((int64_t)64 << 20)

static bool in_list(const char *const *list, size_t count, const char *word, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == len && strncasecmp(list[i], word, len) == 0)
            return true;
    return false;
}
#define IN_LIST(list, word, len) in_list(list, SOK_ARRAY_LEN(list), word, len)

static const char *const film_extensions[] = {"mkv",  "mp4", "m4v", "avi", "mov",  "ts",  "m2ts",
                                              "mts",  "wmv", "asf", "mpg", "mpeg", "flv", "ogm",
                                              "webm", "ogv", "rm",  "3gp", "rmvb", "wtv", "divx"};
static const char *const subtitle_extensions[] = {"srt", "ass", "ssa", "sub", "idx", "sup", "vtt", "smi"};
static const char *const program_extensions[] = {
    "exe", "scr", "com", "bat", "cmd", "pif", "msi", "lnk", "js",  "jse", "vbs", "vbe", "wsf",
    "hta", "ps1", "jar", "apk", "sh",  "dll", "cpl", "url", "app", "dmg", "run", "bin", "desktop"};
static const char *const archive_extensions[] = {"rar", "zip", "7z",  "tar", "gz",
                                                 "bz2", "xz",  "ace", "iso", "img"};

// Folders that Jellyfin, Plex and Kodi take for extras; a film that lies in one is not the film.
static const char *const extra_folders[] = {
    "sample",         "samples",           "extras",          "extra",       "featurettes",
    "featurette",     "trailers",          "trailer",         "interviews",  "deleted scenes",
    "deleted-scenes", "behind the scenes", "scenes",          "shorts",      "bonus",
    "bonus disc",     "special features",  "specialfeatures", "clips",       "other",
    "proof",          "screens",           "screenshots",     "theme-music", "backdrops"};

static const char *const extra_suffixes[] = {
    "-trailer",         "-sample", "-featurette", "-deleted", "-interview", "-scene",
    "-behindthescenes", "-short",  "-clip",       "-other",   "-extra"};

const char *sok_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *sok_path_extension(const char *path)
{
    const char *name = sok_path_name(path), *dot = strrchr(name, '.');
    return dot && dot != name ? dot + 1 : "";
}

char *sok_path_stem(struct sok_arena *arena, const char *path)
{
    const char *name = sok_path_name(path), *extension = sok_path_extension(path);
    size_t len = strlen(name);
    return sok_strndup(arena, name, *extension ? len - strlen(extension) - 1 : len);
}

char *sok_path_folder(struct sok_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return sok_strndup(arena, path, slash ? (size_t)(slash - path) : 0);
}

static bool lies_in_extras(const char *path)
{
    for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1)
        if (IN_LIST(extra_folders, path, (size_t)(slash - path)))
            return true;
    return false;
}

static bool lies_hidden(const char *path)
{
    for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
        if (at[0] == '.')
            return true;
    return false;
}

// "sample" as a word of its own, at an end of the name: "sample.mkv", "film-sample.mkv", "sample-film.mkv".
static bool is_sample_name(const char *name, size_t len)
{
    static const char word[] = "sample";
    size_t word_len = sizeof word - 1;
    if (len < word_len)
        return false;
    bool starts = strncasecmp(name, word, word_len) == 0 &&
                  (len == word_len || !isalnum((unsigned char)name[word_len]));
    bool ends = strncasecmp(name + len - word_len, word, word_len) == 0 &&
                (len == word_len || !isalnum((unsigned char)name[len - word_len - 1]));
    return starts || ends;
}

static bool is_extra_name(const char *name, size_t len)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(extra_suffixes); i++) {
        size_t suffix_len = strlen(extra_suffixes[i]);
        if (len > suffix_len && strncasecmp(name + len - suffix_len, extra_suffixes[i], suffix_len) == 0)
            return true;
    }
    return false;
}

static enum sok_file_kind judge_film(const char *path, int64_t size_bytes, const char **reason)
{
    const char *name = sok_path_name(path), *extension = sok_path_extension(path);
    size_t stem_len = strlen(name) - strlen(extension) - 1;
    if (size_bytes == 0)
        *reason = "the file is empty";
    else if (lies_in_extras(path) || is_extra_name(name, stem_len))
        *reason = "an extra, not the film";
    else if (size_bytes <= SAMPLE_BYTES_MAX && is_sample_name(name, stem_len))
        *reason = "a sample, not the film";
    else
        return SOK_FILE_FILM;
    return SOK_FILE_OTHER;
}

enum sok_file_kind sok_classify_file(const char *path, int64_t size_bytes, const char **ret_reason)
{
    const char *unused, **reason = ret_reason ? ret_reason : &unused;
    const char *extension = sok_path_extension(path);
    size_t len = strlen(extension);
    *reason = "not a film";
    if (lies_hidden(path))
        *reason = "a hidden file";
    else if (IN_LIST(film_extensions, extension, len))
        return judge_film(path, size_bytes, reason);
    else if (IN_LIST(subtitle_extensions, extension, len) && size_bytes <= SUBTITLE_BYTES_MAX)
        return SOK_FILE_SUBTITLE;
    else if (IN_LIST(program_extensions, extension, len))
        *reason = "a program: never imported";
    else if (
        IN_LIST(archive_extensions, extension, len) ||
        (len == 3 && tolower(extension[0]) == 'r' && isdigit((unsigned char)extension[1])))
        *reason = "an archive: not unpacked";
    else if (IN_LIST(((const char *const[]){"vob", "ifo", "bup", "mpls", "clpi"}), extension, len))
        *reason = "part of a disc's structure, which is not supported";
    return SOK_FILE_OTHER;
}

struct language {
    const char *code, *three, *three_b, *name;
};
static const struct language languages[] = {
    {"ar", "ara", "", "arabic"},        {"bg", "bul", "", "bulgarian"},    {"bs", "bos", "", "bosnian"},
    {"ca", "cat", "", "catalan"},       {"cs", "ces", "cze", "czech"},     {"da", "dan", "", "danish"},
    {"de", "deu", "ger", "german"},     {"el", "ell", "gre", "greek"},     {"en", "eng", "", "english"},
    {"es", "spa", "", "spanish"},       {"et", "est", "", "estonian"},     {"eu", "eus", "baq", "basque"},
    {"fa", "fas", "per", "persian"},    {"fi", "fin", "", "finnish"},      {"fr", "fra", "fre", "french"},
    {"gl", "glg", "", "galician"},      {"he", "heb", "", "hebrew"},       {"hi", "hin", "", "hindi"},
    {"hr", "hrv", "", "croatian"},      {"hu", "hun", "", "hungarian"},    {"id", "ind", "", "indonesian"},
    {"is", "isl", "ice", "icelandic"},  {"it", "ita", "", "italian"},      {"ja", "jpn", "", "japanese"},
    {"ko", "kor", "", "korean"},        {"lt", "lit", "", "lithuanian"},   {"lv", "lav", "", "latvian"},
    {"mk", "mkd", "mac", "macedonian"}, {"ms", "msa", "may", "malay"},     {"nb", "nob", "", "bokmal"},
    {"nl", "nld", "dut", "dutch"},      {"no", "nor", "", "norwegian"},    {"pl", "pol", "", "polish"},
    {"pt", "por", "", "portuguese"},    {"pt-br", "pob", "", "brazilian"}, {"ro", "ron", "rum", "romanian"},
    {"ru", "rus", "", "russian"},       {"sk", "slk", "slo", "slovak"},    {"sl", "slv", "", "slovenian"},
    {"sq", "sqi", "alb", "albanian"},   {"sr", "srp", "", "serbian"},      {"sv", "swe", "", "swedish"},
    {"ta", "tam", "", "tamil"},         {"te", "tel", "", "telugu"},       {"th", "tha", "", "thai"},
    {"tr", "tur", "", "turkish"},       {"uk", "ukr", "", "ukrainian"},    {"vi", "vie", "", "vietnamese"},
    {"zh", "zho", "chi", "chinese"},
};

static const char *find_language(const char *word, size_t len)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(languages); i++) {
        const char *const forms[] = {
            languages[i].code, languages[i].three, languages[i].three_b, languages[i].name};
        if (len && IN_LIST(forms, word, len))
            return languages[i].code;
    }
    return NULL;
}

char *sok_subtitle_suffix(struct sok_arena *arena, const char *stem, const char *film_stem)
{
    size_t film_len = strlen(film_stem);
    const char *rest = film_len && strncasecmp(stem, film_stem, film_len) == 0 ? stem + film_len : stem;
    const char *language = NULL, *kind = "";
    for (const char *word = rest; *word;) {
        size_t len = strcspn(word, "._ ()[]"); // not '-': pt-br
        const char *found = find_language(word, len);
        if (found)
            language = found;
        if (len == 6 && strncasecmp(word, "forced", len) == 0)
            kind = ".forced";
        else if (
            (len == 3 && strncasecmp(word, "sdh", len) == 0) ||
            (len == 2 && strncasecmp(word, "cc", len) == 0))
            kind = ".sdh";
        word += len + (word[len] != '\0');
    }
    return sok_format(arena, "%s%s%s", language ? "." : "", language ? language : "", kind);
}
