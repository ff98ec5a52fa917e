#include "base/test.h"

#include "domain/query.h"

static const struct {
    const char *typed, *title;
    int year, season, episode;
} cases[] = {
    {"Paper Lantern", "Paper Lantern", 0, -1, -1},
    {"  Paper Lantern ", "Paper Lantern", 0, -1, -1},
    {"Paper Lantern 2019", "Paper Lantern", 2019, -1, -1},
    {"Paper Lantern (1987)", "Paper Lantern", 1987, -1, -1},
    {"Paper Lantern [1987]", "Paper Lantern", 1987, -1, -1},
    {"paper.lantern.2019", "paper lantern", 2019, -1, -1},
    {"Paper Lantern 2019 1080p", "Paper Lantern", 2019, -1, -1},
    {"Paper Lantern 720p", "Paper Lantern", 0, -1, -1},
    {"Harbour Lights S02E01", "Harbour Lights", 0, 2, 1},
    {"harbour lights s2", "harbour lights", 0, 2, -1},
    {"Harbour Lights season 2", "Harbour Lights", 0, 2, -1},
    {"Harbour Lights season 2 episode 3", "Harbour Lights", 0, 2, 3},
    {"Harbour Lights 2x14", "Harbour Lights", 0, 2, 14},
    {"Harbour Lights (2016) S01", "Harbour Lights", 2016, 1, -1},
    {"Wonder Woman 1984", "Wonder Woman", 1984, -1, -1}, // the asking finds out that it is a title
    // Numbers that belong to the title.
    {"1917", "1917", 0, -1, -1},
    {"2001: A Space Odyssey", "2001: A Space Odyssey", 0, -1, -1},
    {"Blade Runner 2049", "Blade Runner 2049", 0, -1, -1},
    {"Apollo 13", "Apollo 13", 0, -1, -1},
    {"The 100", "The 100", 0, -1, -1},
    {"Babylon 5", "Babylon 5", 0, -1, -1},
    {"Ocean's 8", "Ocean's 8", 0, -1, -1},
    {"24", "24", 0, -1, -1},
    {"24 S01E02", "24", 0, 1, 2},
    {"Mission: Impossible - Fallout", "Mission: Impossible - Fallout", 0, -1, -1},
    {"M*A*S*H", "M*A*S*H", 0, -1, -1},
    {"Am\xc3\xa9lie", "Am\xc3\xa9lie", 0, -1, -1},
    {"\xe5\x8d\x83\xe3\x81\xa8\xe5\x8d\x83\xe5\xb0\x8b", "\xe5\x8d\x83\xe3\x81\xa8\xe5\x8d\x83\xe5\xb0\x8b",
     0, -1, -1},
    {"S02E01", "S02E01", 0, -1, -1}, // of what?
    {"(2019)", "(2019)", 0, -1, -1},
    {"", "", 0, -1, -1},
};

static void what_people_type_is_read_as_they_mean_it(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_query query;
        sok_query_read(arena, cases[i].typed, &query);
        assert_string_equal(cases[i].title, query.title);
        assert_int_equal(cases[i].year, query.year);
        assert_int_equal(cases[i].season, query.season);
        assert_int_equal(cases[i].episode, query.episode);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_people_type_is_read_as_they_mean_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
