// Every verdict has a band of scores. What speaks for a release (picture, sound, seeders, size) is added up
// to at most MERITS_MAX and spread over the width of the band, so it orders releases within the band and
// never lifts one over it: no number of seeders makes up for being the wrong film.
#include "domain/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define MERITS_MAX 45
#define CINEMA_CAP 30
#define LOCKED_CAP 20
#define BANNED_CAP 10
#define NO_FILM_CAP 5

struct band {
    int floor, cap;
};

// PACK lies below EXACT: who asks for one episode gets that one first. UNSURE lies below all that fits.
static const struct band bands[] = {
    [SOK_MATCH_EXACT] = {55, 100},   [SOK_MATCH_PACK] = {40, 54},         [SOK_MATCH_PART] = {45, 90},
    [SOK_MATCH_UNSURE] = {22, 39},   [SOK_MATCH_WRONG_EPISODE] = {4, 10}, [SOK_MATCH_WRONG_SEASON] = {3, 9},
    [SOK_MATCH_WRONG_TYPE] = {2, 8}, [SOK_MATCH_WRONG_YEAR] = {2, 8},     [SOK_MATCH_WRONG_TITLE] = {0, 6},
};

int sok_score_cap(enum sok_match_verdict verdict)
{
    return (size_t)verdict < SOK_ARRAY_LEN(bands) ? bands[verdict].cap : 0;
}

struct sum {
    struct sok_arena *arena;
    const struct sok_score_input *input;
    struct sok_quality_profile profile;
    struct sok_score *score;
    struct band band;
};

static void put(struct sum *sum, const char *reason, int points)
{
    struct sok_score *score = sum->score;
    if (score->reason_count == SOK_SCORE_REASONS_MAX)
        return;
    score->reasons[score->reason_count++] = (struct sok_score_reason){.reason = reason, .points = points};
    score->score += points;
}

// A merit (or its lack, below 0) of so many of MERITS_MAX points.
static void weigh(struct sum *sum, const char *reason, double points)
{
    int scaled = (int)lround(points * (sum->band.cap - sum->band.floor) / MERITS_MAX);
    if (scaled)
        put(sum, reason, scaled);
}

static void limit(struct sum *sum, int floor, int cap)
{
    if (sum->band.cap > cap)
        sum->band.cap = cap;
    if (sum->band.floor > floor)
        sum->band.floor = floor;
}

// Names that promise a film and hold a program, or hold no film at all.
static bool is_no_film(const struct sok_release *release)
{
    static const char *const ends[] = {".exe", ".scr", ".bat", ".cmd",  ".msi",  ".lnk", ".vbs",
                                       ".js",  ".ps1", ".apk", ".com",  ".jar",  ".srt", ".ass",
                                       ".sub", ".nfo", ".mp3", ".flac", ".epub", ".pdf"};
    size_t len = strlen(release->name);
    for (size_t i = 0; i < SOK_ARRAY_LEN(ends); i++) {
        size_t end = strlen(ends[i]);
        bool site = strcmp(ends[i], ".com") == 0; // "... [www.site.com" is no program
        if (len > end && !site && sok_text_eq_nocase(release->name + len - end, ends[i]))
            return true;
    }
    return false;
}

static bool is_archive(const struct sok_release *release)
{
    return sok_text_eq(release->container, "rar") || sok_text_eq(release->container, "zip");
}

static const char *caps_of(struct sum *sum)
{
    const struct sok_release *release = sum->input->release;
    if (is_no_film(release)) {
        limit(sum, 0, NO_FILM_CAP);
        return "Holds no film by its name: a program or a file of another kind";
    }
    if (release->password) {
        limit(sum, 5, LOCKED_CAP);
        return "Wants a password";
    }
    const char *banned = sok_quality_find_banned(sum->arena, &sum->profile.banned_words, release->name);
    if (banned) {
        limit(sum, 2, BANNED_CAP);
        return sok_format(
            sum->arena, "Has \"%s\" in its name, which the quality profile bans: never more than %d", banned,
            BANNED_CAP);
    }
    if (!sum->profile.allow_cam && sok_quality_is_cinema_recording(release->source)) {
        limit(sum, 12, CINEMA_CAP);
        return sok_format(
            sum->arena, "A copy from before the release (%s): never more than %d", release->source,
            CINEMA_CAP);
    }
    return NULL;
}

static void weigh_resolution(struct sum *sum)
{
    const char *resolution = sum->input->release->resolution;
    int height = sok_quality_height(resolution), wanted = sum->profile.preferred_height;
    if (!height) {
        weigh(sum, "The resolution is not named", 4);
    } else if (height < sum->profile.min_height) {
        weigh(sum, sok_format(sum->arena, "%s is below what the quality profile accepts", resolution), -6);
    } else if (height > sum->profile.max_height) {
        weigh(sum, sok_format(sum->arena, "%s is above what the quality profile accepts", resolution), -2);
    } else if (height == wanted) {
        weigh(sum, sok_format(sum->arena, "%s, as the quality profile prefers", resolution), 14);
    } else if (height > wanted) {
        weigh(sum, sok_format(sum->arena, "%s, more than the quality profile prefers", resolution), 11);
    } else {
        weigh(sum, sok_format(sum->arena, "%s", resolution), 11.0 * height / wanted);
    }
}

static void weigh_source(struct sum *sum)
{
    const char *source = sum->input->release->source;
    const struct sok_quality_words *preferred = &sum->profile.preferred_sources;
    int rank = sok_quality_source_rank(source);
    if (rank && sok_quality_words_have(preferred, source))
        weigh(sum, sok_format(sum->arena, "Made from %s, as the quality profile prefers", source), 8);
    else if (rank) // beside what is preferred, the rest orders itself lower
        weigh(sum, sok_format(sum->arena, "Made from %s", source), rank / (preferred->count ? 4.0 : 2.0));
}

static void weigh_codec(struct sum *sum)
{
    const char *codec = sum->input->release->video_codec;
    const struct sok_quality_words *preferred = &sum->profile.preferred_codecs;
    int rank = sok_quality_codec_rank(codec);
    if (rank && sok_quality_words_have(preferred, codec))
        weigh(sum, sok_format(sum->arena, "Coded as %s, as the quality profile prefers", codec), 3);
    else if (rank && preferred->count)
        weigh(sum, sok_format(sum->arena, "Coded as %s", codec), rank / 4.0);
    else if (rank >= 5 && sum->profile.prefer_hevc)
        weigh(sum, sok_format(sum->arena, "%s saves space", codec), 3);
    else if (rank)
        weigh(sum, sok_format(sum->arena, "Coded as %s", codec), rank >= 4 ? 2 : rank / 3.0);
}

static void weigh_picture(struct sum *sum)
{
    const struct sok_release *release = sum->input->release;
    weigh_resolution(sum);
    weigh_source(sum);
    weigh_codec(sum);
    bool hdr = release->hdr.count && !sok_words_has(&release->hdr, "sdr");
    if (hdr && sum->profile.prefer_hdr)
        weigh(sum, "High dynamic range", 2);
    if (release->three_d)
        weigh(sum, "Is in 3D", -8);
    if (release->hardsubs)
        weigh(sum, "Subtitles are burnt into the picture", -6);
    if (release->proper)
        weigh(sum, "A corrected release", 1);
}

static bool is_surround(const struct sok_release *release)
{
    for (int i = 0; i < release->channels.count; i++)
        if (release->channels.item[i][0] >= '5')
            return true;
    return sok_words_has(&release->audio_codec, "atmos") || sok_words_has(&release->audio_codec, "dts-x");
}

// Names that tell no language are in the original one.
static bool understood(const struct sum *sum)
{
    const struct sok_words *spoken = &sum->input->release->languages;
    const struct sok_quality_words *list = &sum->profile.languages;
    for (int i = 0; i < spoken->count; i++)
        for (int j = 0; j < list->count; j++) {
            size_t len = strlen(spoken->item[i]); // "pt" is understood where "pt-br" is
            const char *known = list->item[j];
            if (strncmp(known, spoken->item[i], len) == 0 && (!known[len] || known[len] == '-'))
                return true;
        }
    return !spoken->count || !list->count;
}

static void weigh_sound(struct sum *sum)
{
    const struct sok_release *release = sum->input->release;
    if (sum->profile.prefer_surround && is_surround(release))
        weigh(sum, "Surround sound", 2);
    if (!understood(sum))
        weigh(
            sum,
            sok_format(sum->arena, "Spoken in %s, which nobody here asked for", release->languages.item[0]),
            -12);
}

// Ten times the seeders are worth the same again: 9 is half of what 99 is.
static void weigh_availability(struct sum *sum)
{
    int seeders = sum->input->seeders;
    if (sum->input->direct) {
        weigh(sum, "Fetched from a server, needs no seeders", 8);
    } else if (seeders < 0) {
        weigh(sum, "The number of seeders is not known", 4);
    } else if (seeders == 0) {
        weigh(sum, "Nobody seeds it now", -6);
    } else {
        double points = 4 * log10(1.0 + seeders);
        weigh(
            sum, sok_format(sum->arena, "%d seeder%s", seeders, seeders == 1 ? "" : "s"),
            points > 12 ? 12 : points);
    }
}

// How many hours the release plays, 0 where that cannot be said.
static double hours_of(const struct sum *sum)
{
    const struct sok_wanted *wanted = sum->input->wanted;
    const struct sok_release *release = sum->input->release;
    bool episode = release->season >= 0 || release->episodes.count || release->air_date;
    double minutes = wanted->runtime_minutes > 0 ? wanted->runtime_minutes : episode ? 42 : 105;
    if (!episode)
        return release->complete ? 0 : minutes / 60;
    if (release->episodes.count)
        return minutes * release->episodes.count / 60;
    if (!release->air_date && release->seasons.count == 1 && wanted->season_episodes > 0)
        return minutes * wanted->season_episodes / 60;
    return release->air_date ? minutes / 60 : 0;
}

static void size_limits(const struct sum *sum, double *ret_min, double *ret_max)
{
    static const struct {
        int height;
        double min, max; // MiB an hour; the upper end leaves room for an untouched disc
    } rows[] = {{0, 60, 60000},     {1, 60, 4000},      {576, 100, 6000},   {720, 150, 12000},
                {1080, 350, 25000}, {1440, 600, 30000}, {2160, 1200, 60000}};
    int height = sok_quality_height(sum->input->release->resolution);
    *ret_min = rows[0].min;
    *ret_max = rows[0].max;
    for (size_t i = 1; height && i < SOK_ARRAY_LEN(rows) && height >= rows[i].height; i++) {
        *ret_min = rows[i].min;
        *ret_max = rows[i].max;
    }
    if (sum->profile.min_size_mib_h > 0)
        *ret_min = sum->profile.min_size_mib_h;
    if (sum->profile.max_size_mib_h > 0)
        *ret_max = sum->profile.max_size_mib_h;
}

static void weigh_size(struct sum *sum)
{
    double hours = hours_of(sum), least, most;
    if (sum->input->size_bytes <= 0 || hours <= 0)
        return;
    double mib = (double)sum->input->size_bytes / (1 << 20);
    size_limits(sum, &least, &most);
    if (mib < least * hours)
        weigh(sum, sok_format(sum->arena, "%.0f MiB are too few for what it says to be", mib), -12);
    else if (mib > most * hours)
        weigh(sum, sok_format(sum->arena, "%.0f MiB are more than it should take", mib), -5);
    else
        weigh(sum, "The size fits the running time", 4);
}

static void weigh_fit(struct sum *sum)
{
    const struct sok_score_input *input = sum->input;
    const struct sok_release *release = input->release;
    bool film = release->season < 0 && !release->episodes.count && !release->air_date;
    if (film && input->wanted->year && !release->year && sum->score->match.verdict <= SOK_MATCH_PART)
        weigh(sum, "The name tells no year", -6);
    if (sum->score->match.verdict == SOK_MATCH_EXACT && input->wanted->episode >= 0 &&
        release->episodes.count > 1)
        weigh(sum, "Holds more than was asked for", -4);
    if (!isnan(input->similarity))
        weigh(
            sum, sok_format(sum->arena, "Likeness of meaning %.2f", input->similarity),
            4 * (fmin(fmax(input->similarity, -1), 1) - 0.25));
}

static void settle(struct sum *sum)
{
    int total = sum->score->score;
    if (total > sum->band.cap)
        put(sum, sok_format(sum->arena, "No more than %d is given here", sum->band.cap),
            sum->band.cap - total);
    else if (total < sum->band.floor)
        put(sum, "What fits stays above what does not", sum->band.floor - total);
}

void sok_score_release(
    struct sok_arena *arena, const struct sok_score_input *input, struct sok_score *ret_score)
{
    *ret_score = (struct sok_score){0};
    struct sum sum = {.arena = arena, .input = input, .score = ret_score};
    sok_quality_profile_default(&sum.profile);
    if (input->profile)
        sum.profile = *input->profile;
    sok_match_release(arena, input->wanted, input->release, &ret_score->match);
    sum.band = bands[ret_score->match.verdict];
    const char *capped = caps_of(&sum);
    put(&sum, ret_score->match.reason, sum.band.floor);
    if (capped)
        put(&sum, capped, 0);
    weigh_fit(&sum);
    weigh_picture(&sum);
    weigh_sound(&sum);
    weigh_availability(&sum);
    weigh_size(&sum);
    if (is_archive(input->release))
        weigh(&sum, "Packed in an archive", -6);
    settle(&sum);
}

json_t *sok_score_breakdown(const struct sok_score *score)
{
    json_t *list = json_array();
    for (int i = 0; i < score->reason_count; i++) {
        json_t *row = json_object();
        sok_json_set_text(row, "reason", score->reasons[i].reason);
        sok_json_set_int(row, "points", score->reasons[i].points);
        json_array_append_new(list, row);
    }
    return list;
}
