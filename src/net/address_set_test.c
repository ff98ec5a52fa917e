#include "net/address_set.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"

static struct sok_cidr cidr(const char *text)
{
    struct sok_cidr parsed;
    assert_true(sok_cidr_parse(text, &parsed));
    return parsed;
}

static struct sok_address address(const char *text)
{
    struct sok_address parsed;
    assert_true(sok_address_parse(text, &parsed));
    return parsed;
}

static void edges_are_inside_and_the_next_are_not(void **state SOK_UNUSED)
{
    const struct sok_cidr cidrs[] = {
        cidr("10.0.0.0/8"),    cidr("10.1.0.0/16"), cidr("192.0.2.7"),
        cidr("2001:db8::/32"), cidr("::1"),         cidr("255.255.255.255"),
    };
    struct sok_address_set *set = sok_address_set_new(cidrs, SOK_ARRAY_LEN(cidrs));
    static const struct {
        const char *address;
        bool inside;
    } rows[] = {
        {"9.255.255.255", false},
        {"10.0.0.0", true},
        {"10.1.2.3", true},
        {"10.255.255.255", true},
        {"11.0.0.0", false},
        {"192.0.2.6", false},
        {"192.0.2.7", true},
        {"192.0.2.8", false},
        {"::ffff:192.0.2.7", true},
        {"2001:db7:ffff::", false},
        {"2001:db8::", true},
        {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"2001:db9::", false},
        {"::", false},
        {"::1", true},
        {"::2", false},
        {"255.255.255.255", true},
        {"0.0.0.0", false},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_address asked = address(rows[i].address);
        assert_int_equal(rows[i].inside, sok_address_set_contains(set, &asked));
    }
    sok_address_set_free(set);
}

static void empty_contains_nothing_and_everything_its_own_kind(void **state SOK_UNUSED)
{
    struct sok_address v4 = address("8.8.8.8"), v6 = address("2001:db8::1");
    struct sok_address_set *empty = sok_address_set_new(NULL, 0);
    assert_false(sok_address_set_contains(NULL, &v4));
    assert_false(sok_address_set_contains(empty, &v4) || sok_address_set_contains(empty, &v6));
    sok_address_set_free(empty);
    const struct sok_cidr all_v6 = cidr("::/0"), all_v4 = cidr("0.0.0.0/0");
    struct sok_address_set *set = sok_address_set_new(&all_v6, 1);
    assert_true(sok_address_set_contains(set, &v6) && !sok_address_set_contains(set, &v4));
    sok_address_set_free(set);
    set = sok_address_set_new(&all_v4, 1);
    assert_true(sok_address_set_contains(set, &v4) && !sok_address_set_contains(set, &v6));
    sok_address_set_free(set);
}

// The same numbers in every run.
static int below(uint32_t bound)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((state >> 33) % bound);
}

// Against asking each network.
static void many_answer_like_each_of_them(void **state SOK_UNUSED)
{
    enum { NETWORKS = 300, ROUNDS = 20000 };
    struct sok_cidr cidrs[NETWORKS];
    for (size_t i = 0; i < NETWORKS; i++) {
        char text[80];
        if (i % 2)
            snprintf(text, sizeof(text), "10.%d.%d.0/%d", below(4), below(256), 20 + below(13));
        else
            snprintf(text, sizeof(text), "2001:db8:%x::/%d", below(256), 44 + below(40));
        cidrs[i] = cidr(text);
    }
    struct sok_address_set *set = sok_address_set_new(cidrs, NETWORKS);
    int inside_count = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char text[80];
        if (i % 2)
            snprintf(text, sizeof(text), "10.%d.%d.%d", below(4), below(256), below(256));
        else
            snprintf(text, sizeof(text), "2001:db8:%x::%x", below(256), below(65536));
        struct sok_address asked = address(text);
        bool inside = false;
        for (size_t k = 0; k < NETWORKS && !inside; k++)
            inside = sok_cidr_contains(&cidrs[k], &asked);
        if (inside != sok_address_set_contains(set, &asked))
            fail_msg("%s", text);
        inside_count += inside;
    }
    assert_true(inside_count > ROUNDS / 20 && inside_count < ROUNDS);
    sok_address_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_inside_and_the_next_are_not),
        cmocka_unit_test(empty_contains_nothing_and_everything_its_own_kind),
        cmocka_unit_test(many_answer_like_each_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
