#include "domain/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SAME_TITLE 0.95
#define CLOSE_TITLE 0.8

static const char *const verdict_names[] = {
    [SOK_MATCH_EXACT] = "exact",
    [SOK_MATCH_PACK] = "pack",
    [SOK_MATCH_PART] = "part",
    [SOK_MATCH_UNSURE] = "unsure",
    [SOK_MATCH_WRONG_EPISODE] = "wrong_episode",
    [SOK_MATCH_WRONG_SEASON] = "wrong_season",
    [SOK_MATCH_WRONG_TYPE] = "wrong_type",
    [SOK_MATCH_WRONG_YEAR] = "wrong_year",
    [SOK_MATCH_WRONG_TITLE] = "wrong_title",
};

const char *sok_match_verdict_name(enum sok_match_verdict verdict)
{
    return (size_t)verdict < SOK_ARRAY_LEN(verdict_names) ? verdict_names[verdict] : "wrong_title";
}

// "Show (2012)": the year that catalogues put behind a series' name is no word of the title.
static const char *without_year(struct sok_arena *arena, const char *title, int *ret_year)
{
    size_t len = title ? strlen(title) : 0;
    int64_t year;
    if (len < 8 || title[len - 1] != ')' || title[len - 6] != '(')
        return title;
    char *digits = sok_strndup(arena, title + len - 5, 4);
    if (!sok_parse_int(digits, 1870, 2100, &year))
        return title;
    *ret_year = (int)year;
    return sok_text_trim(arena, sok_strndup(arena, title, len - 6));
}

// One way to read the release's title, against one title that was asked for.
struct reading {
    double similarity;
    int year;     // the year left over in this reading; 0: none
    bool longer;  // holds the whole wanted title and more
    bool shorter; // is the beginning of the wanted title
    bool country; // differs by a country's name at the end
    bool number;  // counts the number of an episode as a word of the title
};

static bool begins_with_words(const char *text, const char *beginning)
{
    size_t len = strlen(beginning);
    return len && strncmp(text, beginning, len) == 0 && (text[len] == ' ' || !text[len]);
}

static bool ends_with_words(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return end_len && len > end_len && strcmp(text + len - end_len, end) == 0 &&
           text[len - end_len - 1] == ' ';
}

static bool is_country(const char *words)
{
    static const char *const list[] = {"us", "uk", "au", "nz", "ca", "usa", "ie", "in", "de", "fr"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(list); i++)
        if (strcmp(words, list[i]) == 0)
            return true;
    return false;
}

static void better_of(struct reading *best, const struct reading *other)
{
    bool sure_a = best->similarity >= SAME_TITLE, sure_b = other->similarity >= SAME_TITLE;
    double a =
        best->similarity + (best->country && !sure_a ? 0.2 : 0) + (best->longer || best->shorter ? 0.05 : 0);
    double b = other->similarity + (other->country && !sure_b ? 0.2 : 0) +
               (other->longer || other->shorter ? 0.05 : 0);
    if (b > a)
        *best = *other;
}

static void read_one(
    struct sok_arena *arena, const char *wanted, const char *said, struct reading how, struct reading *best)
{
    struct reading reading = how;
    reading.similarity = sok_title_similarity(arena, wanted, said);
    const char *wanted_key = sok_title_key(arena, wanted), *said_key = sok_title_key(arena, said);
    reading.country = false;
    if (reading.similarity < SAME_TITLE && *wanted_key) {
        reading.longer = begins_with_words(said_key, wanted_key) || ends_with_words(said_key, wanted_key);
        reading.shorter = begins_with_words(wanted_key, said_key) && strlen(said_key) >= 8;
        size_t len = strlen(wanted_key);
        reading.country = begins_with_words(said_key, wanted_key) && is_country(said_key + len + 1);
    } else if (how.country) {
        reading.country = true;
    }
    better_of(best, &reading);
}

// A name may hold a number that is part of the title and was taken for the year ("Blade Runner 2049",
// "1917") or for an episode ("Ocean's 8"), and several titles with AKA between them.
static void read_title(
    struct sok_arena *arena, const char *wanted, const struct sok_release *release, struct reading *best)
{
    const char *said = release->title ? release->title : "";
    struct reading plain = {.year = release->year}, number = {.year = release->year, .number = true};
    if (release->country) {
        read_one(arena, wanted, sok_format(arena, "%s %s", said, release->country), plain, best);
        plain.country = true;
    }
    read_one(arena, wanted, said, plain, best);
    if (release->year)
        read_one(arena, wanted, sok_format(arena, "%s %d", said, release->year), (struct reading){0}, best);
    if (release->season < 0 && release->episodes.count == 1)
        read_one(arena, wanted, sok_format(arena, "%s %d", said, release->episodes.item[0]), number, best);
    if (release->season < 0 && release->absolute_count == 1)
        read_one(arena, wanted, sok_format(arena, "%s %.0f", said, release->absolute[0]), number, best);
    const char *aka = strcasestr(said, " aka ");
    if (aka) {
        read_one(arena, wanted, sok_strndup(arena, said, (size_t)(aka - said)), plain, best);
        read_one(arena, wanted, aka + 5, plain, best);
    }
}

static bool is_series(const struct sok_wanted *wanted)
{
    return wanted->type == SOK_WANTED_TV || wanted->season >= 0 || wanted->episode >= 0;
}

enum year_fit { YEAR_SAME, YEAR_UNSAID, YEAR_NEAR, YEAR_OTHER };

// A film is dated by its premiere or by its release, mostly a year apart. A series' release may carry the
// year of its season.
static enum year_fit fit_year(const struct sok_wanted *wanted, int wanted_year, int said, int season)
{
    if (!said || !wanted_year)
        return YEAR_UNSAID;
    if (said == wanted_year)
        return YEAR_SAME;
    if (abs(said - wanted_year) == 1)
        return YEAR_NEAR;
    if (is_series(wanted) && season > 1 && abs(wanted_year + season - 1 - said) <= 1)
        return YEAR_NEAR;
    return YEAR_OTHER;
}

static enum sok_match_verdict say(struct sok_match *match, enum sok_match_verdict verdict, const char *reason)
{
    match->verdict = verdict;
    match->reason = reason;
    return verdict;
}

static bool names_no_part(const struct sok_release *release)
{
    return release->season < 0 && !release->seasons.count && !release->episodes.count &&
           !release->absolute_count && !release->air_date;
}

static bool has_season(const struct sok_release *release, int season)
{
    return release->season == season || sok_numbers_has(&release->seasons, season);
}

static bool has_absolute(const struct sok_release *release, int number)
{
    for (int i = 0; i < release->absolute_count; i++)
        if ((int)release->absolute[i] == number)
            return true;
    return release->season < 0 && sok_numbers_has(&release->episodes, number);
}

#define EPISODES_TOGETHER_MAX 4 // more of them in one name is a pack

static enum sok_match_verdict episode_of_season(
    const struct sok_wanted *wanted, const struct sok_release *release, struct sok_match *match)
{
    if (!release->episodes.count)
        return say(match, SOK_MATCH_PACK, "Holds the whole season");
    if (!sok_numbers_has(&release->episodes, wanted->episode))
        return say(match, SOK_MATCH_WRONG_EPISODE, "Another episode of the season");
    if (release->episodes.count > EPISODES_TOGETHER_MAX)
        return say(match, SOK_MATCH_PACK, "Holds the episode among many");
    if (release->episodes.count > 1)
        return say(match, SOK_MATCH_EXACT, "Holds the episode and the next ones");
    return say(match, SOK_MATCH_EXACT, "The title and the episode fit");
}

// Numbers without a season: anime counts through, short series have one season only.
static enum sok_match_verdict episode_without_season(
    const struct sok_wanted *wanted, const struct sok_release *release, struct sok_match *match)
{
    bool many =
        release->episodes.count > EPISODES_TOGETHER_MAX || release->absolute_count > EPISODES_TOGETHER_MAX;
    if (release->complete && !release->episodes.count && !release->absolute_count)
        return say(match, SOK_MATCH_PACK, "Holds the whole series");
    if (wanted->absolute > 0 && has_absolute(release, wanted->absolute))
        return say(
            match, many ? SOK_MATCH_PACK : SOK_MATCH_EXACT, "The title and the number within the series fit");
    if (wanted->season <= 1 && has_absolute(release, wanted->episode))
        return say(
            match, many ? SOK_MATCH_PACK : SOK_MATCH_EXACT,
            "The title and the episode fit, no season is named");
    if (wanted->season > 1 && wanted->absolute <= 0 && has_absolute(release, wanted->episode))
        return say(match, SOK_MATCH_UNSURE, "The episode fits, but no season is named");
    return say(match, SOK_MATCH_WRONG_EPISODE, "Another episode");
}

static enum sok_match_verdict judge_episode(
    const struct sok_wanted *wanted, const struct sok_release *release, struct sok_match *match)
{
    if (names_no_part(release))
        return release->complete ? say(match, SOK_MATCH_PACK, "Holds the whole series")
                                 : say(match, SOK_MATCH_UNSURE, "Names no season or episode");
    if (release->air_date && !release->episodes.count) {
        if (!wanted->air_date)
            return say(match, SOK_MATCH_UNSURE, "Is named by its air date only");
        return strcmp(release->air_date, wanted->air_date) == 0
                   ? say(match, SOK_MATCH_EXACT, "The title and the air date fit")
                   : say(match, SOK_MATCH_WRONG_EPISODE, "The episode of another day");
    }
    if (release->season < 0 && !release->seasons.count)
        return episode_without_season(wanted, release, match);
    int season = wanted->season < 0 ? 1 : wanted->season;
    if (!has_season(release, season))
        return say(match, SOK_MATCH_WRONG_SEASON, "Another season");
    if (release->seasons.count > 1)
        return say(match, SOK_MATCH_PACK, "Holds several seasons");
    return episode_of_season(wanted, release, match);
}

static enum sok_match_verdict judge_season(
    const struct sok_wanted *wanted, const struct sok_release *release, struct sok_match *match)
{
    if (names_no_part(release))
        return release->complete ? say(match, SOK_MATCH_PACK, "Holds the whole series")
                                 : say(match, SOK_MATCH_UNSURE, "Names no season");
    if (release->season < 0 && !release->seasons.count)
        return say(match, SOK_MATCH_WRONG_EPISODE, "An episode, not the season");
    if (!has_season(release, wanted->season))
        return say(match, SOK_MATCH_WRONG_SEASON, "Another season");
    if (release->seasons.count > 1)
        return say(match, SOK_MATCH_PACK, "Holds several seasons");
    if (release->episodes.count)
        return say(match, SOK_MATCH_WRONG_EPISODE, "Only a part of the season");
    return say(match, SOK_MATCH_EXACT, "The title and the season fit");
}

static enum sok_match_verdict judge_series(const struct sok_release *release, struct sok_match *match)
{
    if (release->complete && !release->episodes.count)
        return say(match, SOK_MATCH_EXACT, "The title fits, and all of it is there");
    if (names_no_part(release))
        return say(match, SOK_MATCH_UNSURE, "Names no season or episode");
    return say(
        match, SOK_MATCH_PART,
        release->episodes.count || release->air_date ? "An episode of the series" : "A season of the series");
}

static void judge_part(
    const struct sok_wanted *wanted, const struct sok_release *release, bool number_is_title,
    struct sok_match *match)
{
    bool film = wanted->type == SOK_WANTED_MOVIE ||
                (wanted->type == SOK_WANTED_ANY && wanted->season < 0 && wanted->episode < 0);
    if (film) {
        bool episode = release->season >= 0 || release->seasons.count || release->air_date ||
                       (!number_is_title && (release->episodes.count || release->absolute_count));
        if (wanted->type == SOK_WANTED_MOVIE && episode)
            say(match, SOK_MATCH_WRONG_TYPE, "An episode of a series, not a film");
        else
            say(match, SOK_MATCH_EXACT, "The title fits");
    } else if (wanted->episode >= 0) {
        judge_episode(wanted, release, match);
    } else if (wanted->season >= 0) {
        judge_season(wanted, release, match);
    } else {
        judge_series(release, match);
    }
}

static void find_reading(
    struct sok_arena *arena, const struct sok_wanted *wanted, const struct sok_release *release,
    int *ret_year, struct reading *best)
{
    *ret_year = wanted->year;
    *best = (struct reading){.similarity = -1};
    int year = 0;
    read_title(arena, without_year(arena, wanted->title, &year), release, best);
    if (year && !wanted->year)
        *ret_year = year;
    // "Wonder Woman" of 1984, as somebody asked, may be "Wonder Woman 1984" of 2020.
    const char *with_year = sok_format(arena, "%s %d", wanted->title, wanted->year);
    if (wanted->year && release->title &&
        strcmp(sok_title_key(arena, release->title), sok_title_key(arena, with_year)) == 0)
        *best = (struct reading){.similarity = 1};
    for (size_t i = 0; i < wanted->alternative_count; i++)
        if (!sok_text_empty(wanted->alternative_titles[i]))
            read_title(arena, without_year(arena, wanted->alternative_titles[i], &year), release, best);
}

static const char *other_year(struct sok_arena *arena, int said, int wanted)
{
    return sok_format(arena, "Is of %d, not of %d", said, wanted);
}

static void judge_same_title(
    struct sok_arena *arena, const struct sok_wanted *wanted, const struct sok_release *release,
    int wanted_year, const struct reading *reading, struct sok_match *match)
{
    enum year_fit fit = fit_year(wanted, wanted_year, reading->year, release->season);
    if (fit == YEAR_OTHER) {
        say(match, SOK_MATCH_WRONG_YEAR, other_year(arena, reading->year, wanted_year));
        return;
    }
    judge_part(wanted, release, reading->number, match);
    if (match->verdict > SOK_MATCH_PART)
        return;
    if (reading->country && fit != YEAR_SAME)
        say(match, SOK_MATCH_UNSURE, "The name adds a country to the title");
    else if (fit == YEAR_NEAR && !is_series(wanted))
        say(match, SOK_MATCH_UNSURE,
            sok_format(arena, "Is of %d, a year beside %d", reading->year, wanted_year));
    else if (fit == YEAR_SAME && match->verdict == SOK_MATCH_EXACT && !is_series(wanted))
        match->reason = "The title and the year fit";
}

void sok_match_release(
    struct sok_arena *arena, const struct sok_wanted *wanted, const struct sok_release *release,
    struct sok_match *ret_match)
{
    struct reading reading;
    int wanted_year;
    find_reading(arena, wanted, release, &wanted_year, &reading);
    *ret_match = (struct sok_match){.title_similarity = reading.similarity < 0 ? 0 : reading.similarity};
    if (reading.similarity >= SAME_TITLE || reading.country) {
        judge_same_title(arena, wanted, release, wanted_year, &reading, ret_match);
        return;
    }
    // A close title is the same work misspelt or shortened when the year agrees, else another one.
    enum year_fit fit = fit_year(wanted, wanted_year, reading.year, release->season);
    bool close = reading.similarity >= CLOSE_TITLE && fit != YEAR_OTHER;
    bool cut = (reading.shorter || (reading.longer && reading.similarity >= 0.4)) && fit == YEAR_SAME;
    judge_part(wanted, release, false, ret_match);
    if (!close && !cut)
        say(ret_match, SOK_MATCH_WRONG_TITLE, "Another title");
    else if (ret_match->verdict <= SOK_MATCH_UNSURE)
        say(ret_match, SOK_MATCH_UNSURE, "The title is close, but not the same");
}
