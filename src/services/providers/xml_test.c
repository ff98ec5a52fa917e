#include "services/providers/xml.h"

#include <string.h>

#include "base/buf.h"
#include "base/test.h"

static struct sok_arena *arena;
static struct sok_error error;

static int set_up(void **state)
{
    arena = sok_arena_new(0);
    error = (struct sok_error){0};
    return 0;
}

static int tear_down(void **state)
{
    arena = sok_arena_free(arena);
    return 0;
}

static enum sok_status parse(const char *text, struct sok_xml_node **ret)
{
    return sok_xml_parse(arena, text, strlen(text), ret, &error);
}

static void a_document_becomes_a_tree(void **state)
{
    struct sok_xml_node *root;
    assert_ok(
        parse("<a x='1' Y=\"2\"><b> one </b><n:c xmlns:n='urn:n'>t<![CDATA[w<o]]></n:c><b/></a>", &root));
    assert_string_equal("a", root->name);
    assert_string_equal("2", sok_xml_attribute(root, "y"));
    assert_null(sok_xml_attribute(root, "z"));
    assert_string_equal("one", sok_xml_child_text(root, "B"));
    assert_string_equal("tw<o", sok_xml_child_text(root, "c"));
    assert_string_equal("urn:n", sok_xml_child(root, "c")->uri);
    assert_null(sok_xml_child_text(root, "d"));
    assert_null(sok_xml_child_text(NULL, "d"));
}

static void what_feeds_really_send_is_repaired(void **state)
{
    struct {
        const char *xml, *text;
    } cases[] = {
        {"\xef\xbb\xbf\n<?xml version='1.0'?><a>bom</a>", "bom"},
        {"<a>no\x07 control\x1b</a>", "no control"},
        {"<a>21&deg; &eacute;&nbsp;&euro;</a>", "21\xc2\xb0 \xc3\xa9\xc2\xa0\xe2\x82\xac"},
        {"<a>R&B &unknown; &amp;amp; a&b=c&</a>", "R&B &unknown; &amp; a&b=c&"},
        {"<a>&#7;x&#x1F;&#X41;&#55296;&#8364;</a>", "xA\xe2\x82\xac"},
        {"<a><![CDATA[A & B &deg;]]></a>", "A & B &deg;"},
        {"<!-- a & b --><a>c</a>", "c"},
        {"<?xml version='1.0' encoding='ISO-8859-1'?><a>caf\xe9</a>", "caf\xc3\xa9"},
        {"<?xml version='1.0' encoding='windows-1252'?><a>\x80 \x93q\x94</a>",
         "\xe2\x82\xac \xe2\x80\x9cq\xe2\x80\x9d"},
        {"<?xml version='1.0' encoding='UTF-8'?><a>caf\xe9</a>", "caf\xc3\xa9"},
        {"<a>caf\xe9</a>", "caf\xc3\xa9"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_xml_node *root;
        assert_ok(parse(cases[i].xml, &root));
        assert_string_equal(cases[i].text, root->text);
    }
}

static void document_types_and_their_entities_are_refused(void **state)
{
    const char *cases[] = {
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY x 'yyyyyyyy'><!ENTITY z '&x;&x;&x;&x;'>]><a>&z;</a>",
        "<!DOCTYPE a SYSTEM 'http://127.0.0.1/x.dtd'><a/>",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_xml_node *root;
        assert_int_equal(SOK_PROTOCOL, parse(cases[i], &root));
        assert_non_null(strstr(error.message, "document type"));
    }
}

static void a_web_page_is_called_one(void **state)
{
    const char *cases[] = {
        "<!DOCTYPE html><html><body>Log in</body></html>", "<html><body>Log in</body></html>",
        "<HTML><p>unclosed<br></HTML>"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_xml_node *root;
        assert_int_equal(SOK_PROTOCOL, parse(cases[i], &root));
        assert_string_equal("html_page", error.code);
    }
}

static void what_is_broken_is_an_error_with_its_place(void **state)
{
    struct {
        const char *xml, *code;
    } cases[] = {
        {"", "not_xml"},
        {"{\"a\":1}", "not_xml"},
        {"   \x01\x02", "not_xml"},
        {"<a><b></a>", "malformed_xml"},
        {"<a>", "malformed_xml"},
        {"<a/><b/>", "malformed_xml"},
        {"<", "malformed_xml"},
        {"<a b='1' b='2'/>", "malformed_xml"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_xml_node *root;
        assert_int_equal(SOK_PROTOCOL, parse(cases[i].xml, &root));
        assert_string_equal(cases[i].code, error.code);
    }
    assert_non_null(strstr(error.message, "line 1"));
}

static char *repeat(const char *text, size_t times, const char *behind)
{
    struct sok_buf buf;
    sok_buf_init(&buf, (size_t)64 << 20);
    for (size_t i = 0; i < times; i++)
        sok_buf_puts(&buf, text);
    sok_buf_puts(&buf, behind);
    char *copy = sok_strdup(arena, buf.data);
    sok_buf_done(&buf);
    return copy;
}

static void everything_has_a_cap(void **state)
{
    struct sok_xml_node *root;
    assert_int_equal(SOK_TOO_LARGE, parse(repeat("<a>", 100, ""), &root));
    char *many = repeat("<b/>", 300000, "</a>");
    assert_int_equal(SOK_TOO_LARGE, parse(sok_format(arena, "<a>%s", many), &root));
    assert_int_equal(SOK_TOO_LARGE, parse(repeat("<a>filling</a>", 700000, ""), &root));
    assert_int_equal(SOK_TOO_LARGE, parse(sok_format(arena, "<a>%s", repeat("&", 2000000, "</a>")), &root));
    assert_ok(parse(sok_format(arena, "<a>%s", repeat("0123456789", 100000, "</a>")), &root));
    assert_int_equal(256 << 10, strlen(root->text));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_document_becomes_a_tree),
        TEST(what_feeds_really_send_is_repaired),
        TEST(document_types_and_their_entities_are_refused),
        TEST(a_web_page_is_called_one),
        TEST(what_is_broken_is_an_error_with_its_place),
        TEST(everything_has_a_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
