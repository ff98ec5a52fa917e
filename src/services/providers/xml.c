// Two passes: xml_repair.c copies the bytes into something expat accepts, then expat builds the tree. A
// document type is refused at its start, so nothing can declare an entity, and none can expand.
#include "services/providers/xml.h"

#include <ctype.h>
#include <expat.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "services/providers/xml_repair.h"

#define TEXT_BYTES_MAX ((size_t)256 << 10) // of one element
#define NAMESPACES_MAX 64

static const char HTML[] = "html";

struct open_node {
    struct sok_xml_node *node, *last_child;
    char *text;
    size_t text_len, text_capacity;
};

struct parse {
    struct sok_arena *arena;
    XML_Parser parser;
    struct sok_xml_node *root;
    struct open_node stack[SOK_XML_DEPTH_MAX];
    int depth;
    size_t node_count, attribute_count;
    struct {
        const char *prefix, *uri;
    } namespaces[NAMESPACES_MAX]; // a later declaration wins; scopes do not matter to feeds
    int namespace_count;
    const char *refused; // why the document is not read to its end
    enum sok_status refused_as;
};

static void refuse(struct parse *parse, enum sok_status status, const char *why)
{
    parse->refused = why;
    parse->refused_as = status;
    XML_StopParser(parse->parser, XML_FALSE);
}

static void note_namespace(struct parse *parse, const char *prefix, const char *uri)
{
    if (parse->namespace_count == NAMESPACES_MAX)
        return;
    parse->namespaces[parse->namespace_count].prefix = sok_strdup(parse->arena, prefix);
    parse->namespaces[parse->namespace_count++].uri = sok_strdup(parse->arena, uri);
}

static void name_node(struct parse *parse, struct sok_xml_node *node, const char *qualified)
{
    const char *colon = strchr(qualified, ':');
    const char *prefix = colon ? sok_strndup(parse->arena, qualified, (size_t)(colon - qualified)) : "";
    node->name = sok_strdup(parse->arena, colon ? colon + 1 : qualified);
    node->uri = prefix;
    for (int i = parse->namespace_count - 1; i >= 0; i--) {
        if (strcmp(parse->namespaces[i].prefix, prefix) == 0) {
            node->uri = parse->namespaces[i].uri;
            return;
        }
    }
}

static void take_attributes(struct parse *parse, struct sok_xml_node *node, const char **attributes)
{
    size_t count = 0, kept = 0;
    while (attributes[count])
        count++;
    node->attributes = sok_alloc_array(parse->arena, count + 1, sizeof(*node->attributes));
    for (size_t i = 0; i < count; i += 2) {
        const char *name = attributes[i];
        if (sok_text_starts(name, "xmlns:")) {
            note_namespace(parse, name + 6, attributes[i + 1]);
            continue;
        }
        const char *colon = strchr(name, ':');
        node->attributes[kept++] = sok_strdup(parse->arena, colon ? colon + 1 : name);
        node->attributes[kept++] = sok_strdup(parse->arena, attributes[i + 1]);
    }
    parse->attribute_count += count / 2;
}

static void start_element(void *context, const char *name, const char **attributes)
{
    struct parse *parse = context;
    if (parse->refused)
        return;
    if (parse->depth == SOK_XML_DEPTH_MAX)
        return refuse(parse, SOK_TOO_LARGE, "it is nested too deep");
    if (++parse->node_count > SOK_XML_NODES_MAX || parse->attribute_count > SOK_XML_ATTRIBUTES_MAX)
        return refuse(parse, SOK_TOO_LARGE, "it has too many elements");
    struct sok_xml_node *node = sok_alloc(parse->arena, sizeof(*node));
    node->text = "";
    take_attributes(parse, node, attributes);
    name_node(parse, node, name);
    if (parse->depth) {
        struct open_node *parent = &parse->stack[parse->depth - 1];
        if (parent->last_child)
            parent->last_child->next = node;
        else
            parent->node->child = node;
        parent->last_child = node;
    } else {
        parse->root = node;
    }
    parse->stack[parse->depth++] = (struct open_node){.node = node};
}

static void end_element(void *context, const char *name)
{
    struct parse *parse = context;
    if (parse->refused || !parse->depth)
        return;
    struct open_node *open = &parse->stack[--parse->depth];
    while (open->text_len && isspace((unsigned char)open->text[open->text_len - 1]))
        open->text_len--;
    if (open->text_len) {
        open->text[open->text_len] = 0;
        open->node->text = open->text;
    }
}

static void take_text(void *context, const char *bytes, int len)
{
    struct parse *parse = context;
    if (parse->refused || !parse->depth)
        return;
    struct open_node *open = &parse->stack[parse->depth - 1];
    while (len && !open->text_len && isspace((unsigned char)*bytes)) {
        bytes++;
        len--;
    }
    size_t room = TEXT_BYTES_MAX - open->text_len, take = (size_t)len < room ? (size_t)len : room;
    if (!take)
        return;
    open->text = sok_grow_array(parse->arena, open->text, &open->text_capacity, open->text_len + take + 1, 1);
    memcpy(open->text + open->text_len, bytes, take);
    open->text_len += take;
}

static void refuse_doctype(
    void *context, const char *name, const char *system_id, const char *public_id, int has_subset)
{
    struct parse *parse = context;
    refuse(parse, SOK_PROTOCOL, strcasecmp(name, "html") == 0 ? HTML : "it has a document type");
}

// Any single-byte encoding that expat does not know is read as Windows-1252, which most of them are for.
static int map_encoding(void *context, const char *name, XML_Encoding *ret_encoding)
{
    static const int high[32] = {
        0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
        0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178,
    };
    for (int i = 0; i < 256; i++)
        ret_encoding->map[i] = i >= 0x80 && i < 0xa0 ? high[i - 0x80] : i;
    ret_encoding->data = NULL;
    ret_encoding->convert = NULL;
    ret_encoding->release = NULL;
    return XML_STATUS_OK;
}

static enum sok_status fail(struct sok_error *err, const char *code, const char *why)
{
    sok_fail(err, SOK_PROTOCOL, "%s", why);
    if (err)
        err->code = code;
    return SOK_PROTOCOL;
}

static enum sok_status why_not(const struct parse *parse, struct sok_error *err)
{
    if (parse->refused && parse->refused != HTML)
        return sok_fail(err, parse->refused_as, "the XML is refused: %s", parse->refused);
    if (parse->refused || (parse->root && strcasecmp(parse->root->name, "html") == 0))
        return fail(err, "html_page", "a web page came instead of XML (a login page or a blocked site?)");
    char why[160];
    snprintf(
        why, sizeof(why), "malformed XML at line %lu: %s", XML_GetCurrentLineNumber(parse->parser),
        XML_ErrorString(XML_GetErrorCode(parse->parser)));
    return fail(err, "malformed_xml", why);
}

static enum sok_status run_parser(
    struct parse *parse, const char *bytes, size_t len, const char *encoding, struct sok_error *err)
{
    parse->parser = XML_ParserCreate(encoding);
    if (!parse->parser)
        sok_panic("out of memory for an XML parser");
    XML_SetUserData(parse->parser, parse);
    XML_SetElementHandler(parse->parser, start_element, end_element);
    XML_SetCharacterDataHandler(parse->parser, take_text);
    XML_SetStartDoctypeDeclHandler(parse->parser, refuse_doctype);
    XML_SetUnknownEncodingHandler(parse->parser, map_encoding, NULL);
    XML_SetParamEntityParsing(parse->parser, XML_PARAM_ENTITY_PARSING_NEVER);
    enum sok_status status = SOK_OK;
    bool parsed = XML_Parse(parse->parser, bytes, (int)len, 1) == XML_STATUS_OK;
    if (!parsed || parse->refused || strcasecmp(parse->root->name, "html") == 0)
        status = why_not(parse, err);
    XML_ParserFree(parse->parser);
    return status;
}

// NULL lets the document say its encoding. One that says UTF-8, or nothing, and is not is read as
// Windows-1252.
static const char *encoding_of(const char *bytes, size_t len)
{
    if (len >= 2 && ((unsigned char)bytes[0] >= 0xfe || !bytes[0] || !bytes[1]))
        return NULL;
    char head[200];
    snprintf(head, sizeof(head), "%.*s", (int)(len < sizeof(head) - 1 ? len : sizeof(head) - 1), bytes);
    const char *end = strstr(head, "?>"), *declared = strcasestr(head, "encoding=");
    bool says_other = end && declared && declared < end && strncasecmp(declared + 10, "utf-8", 5) != 0;
    return says_other || sok_utf8_valid(bytes, len) ? NULL : "windows-1252";
}

enum sok_status sok_xml_parse(
    struct sok_arena *arena, const char *bytes, size_t len, struct sok_xml_node **ret, struct sok_error *err)
{
    if (len > SOK_XML_BYTES_MAX)
        return sok_fail(err, SOK_TOO_LARGE, "XML of %zu bytes is over the limit", len);
    SOK_BUF_AUTO text;
    sok_buf_init(&text, 2 * len + 4096);
    if (!sok_xml_repair(bytes, len, &text))
        return sok_fail(err, SOK_TOO_LARGE, "the XML is full of broken entities");
    if (!text.len)
        return fail(err, "not_xml", "the answer is empty");
    bool wide = (unsigned char)text.data[0] >= 0xfe;
    if (!wide && text.data[0] != '<')
        return fail(err, "not_xml", "the answer is not XML");
    struct parse *parse = sok_alloc(arena, sizeof(*parse));
    parse->arena = arena;
    SOK_TRY(run_parser(parse, text.data, text.len, encoding_of(text.data, text.len), err));
    *ret = parse->root;
    return SOK_OK;
}

const struct sok_xml_node *sok_xml_child(const struct sok_xml_node *node, const char *name)
{
    const struct sok_xml_node *child = node ? node->child : NULL;
    while (child && strcasecmp(child->name, name) != 0)
        child = child->next;
    return child;
}

const char *sok_xml_child_text(const struct sok_xml_node *node, const char *name)
{
    const struct sok_xml_node *child = sok_xml_child(node, name);
    return child && *child->text ? child->text : NULL;
}

const char *sok_xml_attribute(const struct sok_xml_node *node, const char *name)
{
    for (size_t i = 0; node && node->attributes[i]; i += 2)
        if (strcasecmp(node->attributes[i], name) == 0)
            return node->attributes[i + 1];
    return NULL;
}
