#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/compiler.h"
#include "base/test.h"

static struct sok_address parse(const char *text)
{
    struct sok_address address;
    assert_true(sok_address_parse(text, &address));
    return address;
}

static void addresses_are_read_and_written(void **state)
{
    const char *cases[][2] = {
        {"127.0.0.1", "127.0.0.1"},
        {"::ffff:10.0.0.1", "10.0.0.1"},
        {"2001:DB8:0:0::1", "2001:db8::1"},
        {"::", "::"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        char text[46];
        struct sok_address address = parse(cases[i][0]);
        sok_address_format(&address, text);
        assert_string_equal(cases[i][1], text);
    }
    const char *wrong[] = {"", "1.2.3", "1.2.3.4:80", "[::1]", "::1%lo", "256.1.1.1", "localhost", NULL};
    struct sok_address address;
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++)
        assert_false(sok_address_parse(wrong[i], &address));
}

static void socket_addresses_are_understood(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    struct sockaddr other = {.sa_family = AF_UNIX};
    struct sok_address address;
    assert_true(sok_address_from_sockaddr((struct sockaddr *)&v4, &address));
    assert_true(sok_address_is_loopback(&address));
    assert_false(sok_address_from_sockaddr(&other, &address));
}

static void networks_contain_what_they_say(void **state)
{
    struct {
        const char *cidr, *address;
        bool want;
    } cases[] = {
        {"10.0.0.0/8", "10.200.3.4", true},          {"10.0.0.0/8", "11.0.0.1", false},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},     {"192.168.1.7", "192.168.1.7", true},
        {"192.168.1.7", "192.168.1.8", false},       {"192.168.1.9/29", "192.168.1.15", true},
        {"192.168.1.9/29", "192.168.1.16", false},   {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "2001:db8::1", false},         {"::/0", "8.8.8.8", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true}, {"2001:db8::/33", "2001:db8:8000::1", false},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_cidr cidr;
        struct sok_address address = parse(cases[i].address);
        assert_true(sok_cidr_parse(cases[i].cidr, &cidr));
        assert_int_equal(cases[i].want, sok_cidr_contains(&cidr, &address));
    }
    const char *wrong[] = {"",       "/8",           "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
                           "::/129", "10.0.0.0/8/8", NULL};
    struct sok_cidr cidr;
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++)
        assert_false(sok_cidr_parse(wrong[i], &cidr));
}

static void networks_are_written_in_one_way(void **state SOK_UNUSED)
{
    static const char *const rows[][2] = {
        {"10.1.2.3/8", "10.0.0.0/8"},
        {"192.0.2.7", "192.0.2.7/32"},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
        {"::ffff:192.0.2.7", "192.0.2.7/32"},
        {"2001:DB8:0:0::1", "2001:db8::1/128"},
        {"2001:db8::/32", "2001:db8::/32"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"::/0", "::/0"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_cidr cidr;
        char text[50];
        assert_true(sok_cidr_parse(rows[i][0], &cidr));
        sok_cidr_format(&cidr, text);
        assert_string_equal(rows[i][1], text);
    }
}

static void what_no_stranger_may_lead_to_is_private(void **state)
{
    const char *private_ones[] = {
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:192.168.1.1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "2001:0:1::1",
        "2002:7f00:1::1",
        "2002:a00:1::",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(private_ones); i++) {
        struct sok_address address = parse(private_ones[i]);
        if (!sok_address_is_private(&address))
            fail_msg("%s passes for public", private_ones[i]);
    }
    const char *public_ones[] = {
        "1.1.1.1",          "8.8.8.8",         "9.255.255.255",   "11.0.0.1",     "100.63.255.255",
        "100.128.0.1",      "172.15.0.1",      "172.32.0.1",      "192.167.1.1",  "198.17.0.1",
        "198.20.0.1",       "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2002:808:808::1",
        "64:ff9b::8.8.8.8", "2001:4860::1",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(public_ones); i++) {
        struct sok_address address = parse(public_ones[i]);
        if (sok_address_is_private(&address))
            fail_msg("%s passes for private", public_ones[i]);
    }
}

static void loopback_is_all_of_127_and_one(void **state)
{
    struct sok_address yes[] = {parse("127.0.0.1"), parse("127.255.0.1"), parse("::1")};
    for (size_t i = 0; i < SOK_ARRAY_LEN(yes); i++)
        assert_true(sok_address_is_loopback(&yes[i]));
    struct sok_address no[] = {parse("126.0.0.1"), parse("::2"), parse("10.0.0.1")};
    for (size_t i = 0; i < SOK_ARRAY_LEN(no); i++)
        assert_false(sok_address_is_loopback(&no[i]));
}

static void household_is_an_ipv4_address_or_an_ipv6_64(void **state)
{
    const char *cases[][2] = {{"192.0.2.7", "192.0.2.7"}, {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        char text[46];
        struct sok_address address = parse(cases[i][0]);
        sok_address_to_household(&address);
        sok_address_format(&address, text);
        assert_string_equal(cases[i][1], text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(household_is_an_ipv4_address_or_an_ipv6_64),
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(socket_addresses_are_understood),
        cmocka_unit_test(networks_contain_what_they_say),
        cmocka_unit_test(networks_are_written_in_one_way),
        cmocka_unit_test(what_no_stranger_may_lead_to_is_private),
        cmocka_unit_test(loopback_is_all_of_127_and_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
