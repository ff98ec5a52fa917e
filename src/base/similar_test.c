#include "base/similar.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/rand.h"
#include "base/test.h"

static void a_text_finds_its_title_with_errors(void **state)
{
    static const struct {
        const char *titles, *text;
        bool matches;
    } cases[] = {
        {"metropolis", "metropolis", true},
        {"metropolis", "metro", true},
        {"metropolis", "metropilos", true}, // two wrong
        {"alien", "alian", true},           // most trigrams are gone
        {"the matrix reloaded", "matirx", true},
        {"the matrix reloaded", "matrix the", true},
        {"the matrix reloaded", "reloded matrix", true},
        {"\nle fabuleux destin\namelie\n", "amlie", true},
        {"\nle fabuleux destin\namelie\n", "desert", false},
        {"dune", "dnue", true},
        {"dune", "tune in", false},
        {"up", "up", true},
        {"up", "us", false},
        {"growing up", "up", true},
        {"cup", "up", false}, // one or two letters must begin a word
        {"天空の城", "天空の城", true},
        {"天空の城", "天空の森", true},
        {"anything", "", true},
        {"", "anything", false},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++)
        if (sok_titles_match(cases[i].titles, cases[i].text) != cases[i].matches)
            fail_msg("%s / %s", cases[i].titles, cases[i].text);
}

static void the_closer_title_ranks_higher(void **state)
{
    static const char *const order[] = {
        "alien", "alien resurrection", "my alien", "my very own alien", "aliens of the deep", "allien"};
    assert_true(sok_title_rank(order[0], "alien") > sok_title_rank(order[1], "alien"));
    assert_true(sok_title_rank(order[1], "alien") > sok_title_rank(order[2], "alien"));
    assert_true(sok_title_rank(order[2], "alien") > sok_title_rank(order[3], "alien"));
    assert_true(sok_title_rank(order[3], "alien") > sok_title_rank(order[5], "alien"));
    assert_true(sok_title_rank(order[5], "alien") > 0);
    assert_true(sok_title_rank("nosferatu", "alien") == 0);
}

// One letter of every word of four or more letters may be wrong, whichever and however.
static void every_single_error_is_forgiven(void **state)
{
    static const char *const words[] = {"dune", "alien", "nosferatu", "metropolis", "stalker", "solaris"};
    for (size_t w = 0; w < SOK_ARRAY_LEN(words); w++) {
        size_t len = strlen(words[w]);
        for (size_t i = 0; i < len; i++) {
            char wrong[32], missing[32], doubled[32], swapped[32];
            snprintf(wrong, sizeof(wrong), "%s", words[w]);
            wrong[i] = 'x';
            snprintf(missing, sizeof(missing), "%.*s%s", (int)i, words[w], words[w] + i + 1);
            snprintf(doubled, sizeof(doubled), "%.*sq%s", (int)i, words[w], words[w] + i);
            snprintf(swapped, sizeof(swapped), "%s", words[w]);
            swapped[i] = words[w][i + 1 < len ? i + 1 : i];
            swapped[i + 1 < len ? i + 1 : i] = words[w][i];
            assert_true(sok_titles_match(words[w], wrong));
            assert_true(len == 4 || sok_titles_match(words[w], missing)); // three letters have to be right
            assert_true(sok_titles_match(words[w], doubled));
            assert_true(sok_titles_match(words[w], swapped));
        }
    }
}

static void a_short_title_is_nearly_what_was_typed(void **state)
{
    static const struct {
        const char *titles, *word;
        bool nearly;
    } cases[] = {
        {"\nakira\n", "akria", true},
        {"\nakira\n", "akrai", false},
        {"\nx\nakira\n", "akra", true},
        {"\nakira 2\n", "akra", false},
        {"\nдом\n", "дмо", true},
        {"\nleon\n", "leon", true},
        {"", "leon", false},
        {"\n\n", "leon", false},
        {"\n!leon\n", "leno", false},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++)
        if (sok_titles_nearly(cases[i].titles, cases[i].word) != cases[i].nearly)
            fail_msg("%s / %s", cases[i].titles, cases[i].word);
    static const char *const words[] = {"ran", "akira", "chopin", "брат"}, *const others[] = {
                                                                               "",    "up",   "seven77",
                                                                               "a b", " ran", "ran ",
                                                                               "r_n", "r%n"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(words); i++)
        assert_true(sok_is_short_word(words[i]));
    for (size_t i = 0; i < SOK_ARRAY_LEN(others); i++)
        assert_false(sok_is_short_word(others[i]));
}

static void scripts_without_blanks_are_known(void **state)
{
    static const char *const on[] = {"千尋", "のと", "カ", "ไทย", "々"}, *const off[] = {
                                                                             "", "a", "千a", "дом", "한국"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(on); i++)
        assert_true(sok_text_runs_on(on[i]));
    for (size_t i = 0; i < SOK_ARRAY_LEN(off); i++)
        assert_false(sok_text_runs_on(off[i]));
}

static void any_bytes_are_survived(void **state)
{
    for (int round = 0; round < 2000; round++) {
        unsigned char bytes[2][24];
        sok_random_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++)
            (&bytes[0][0])[i] = (&bytes[0][0])[i] % 251 + 1;
        bytes[0][round % 24] = bytes[1][(round * 7) % 24] = 0;
        (void)sok_titles_match((const char *)bytes[0], (const char *)bytes[1]);
        (void)sok_titles_nearly((const char *)bytes[0], (const char *)bytes[1]);
        (void)sok_is_short_word((const char *)bytes[0]);
        (void)sok_text_runs_on((const char *)bytes[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_finds_its_title_with_errors),
        cmocka_unit_test(the_closer_title_ranks_higher),
        cmocka_unit_test(every_single_error_is_forgiven),
        cmocka_unit_test(a_short_title_is_nearly_what_was_typed),
        cmocka_unit_test(scripts_without_blanks_are_known),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
